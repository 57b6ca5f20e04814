// From a message to its reply: reads it, finds or makes the body, writes it for this client. Whatever comes in, nothing is thrown.
import type { Logger } from '../host/log.ts';
import type { Forwarder } from './forwarder.ts';
import type { DnsMetrics } from './metrics.ts';
import type { Resolution, Zone } from './resolution.ts';
import type { Resolver } from './resolver.ts';
import { readAnswers } from './wire/answers.ts';
import { type Body, BodyEncoder, emptyBody } from './wire/body.ts';
import { RCODE } from './wire/constants.ts';
import { parseQuery, type Query } from './wire/query.ts';
import { type Client, writeRefusal, writeReply } from './wire/reply.ts';

export interface ResponderOptions {
  readonly resolver: Resolver;
  /** Absent: names outside the cluster are nobody's. */
  readonly forwarder?: Forwarder;
  readonly metrics: DnsMetrics;
  readonly log: Logger;
}

/** Bodies kept; all are dropped when there are more, since the next questions are likely to be others. */
const MOST_BODIES = 32_768;

const SERVER_FAILURE = emptyBody(RCODE.SERVFAIL);
const REFUSAL = emptyBody(RCODE.REFUSED);

type Reply = Buffer | undefined;

interface Kept {
  readonly zone: Zone | undefined;
  readonly body: Body;
}

export class Responder {
  readonly #options: ResponderOptions;
  readonly #encoder = new BodyEncoder();
  /** type → name → what is true of it until something changes. */
  readonly #kept = new Map<number, Map<string, Kept>>();
  #keptCount = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** To be called when anything that has a name has changed. */
  forget(): void {
    this.#kept.clear();
    this.#keptCount = 0;
  }

  /** Undefined: no reply. Only what has to be asked of others takes a promise. */
  respond(packet: Buffer, client: Client): Reply | Promise<Reply> {
    const began = performance.now();
    let query: Query | undefined;
    try {
      query = parseQuery(packet);
      if (!query) return undefined;
      if (query.refusal !== undefined) return this.#send(query, client, began, { body: emptyBody(query.refusal) });
      const kept = this.#kept.get(query.type)?.get(query.name);
      return kept ? this.#send(query, client, began, kept) : this.#make(query, client, began);
    } catch (error) {
      return this.#fail(query, client, error);
    }
  }

  #make(query: Query, client: Client, began: number): Reply | Promise<Reply> {
    const { resolver, forwarder } = this.#options;
    const zone = resolver.zoneOf(query.name);
    const resolution = resolver.resolve(query.name, query.type, zone);
    if (forwarder && resolution.outcome === 'outside') {
      return this.#forward(query, client, began, zone).catch((error) => this.#fail(query, client, error));
    }
    if (forwarder && resolution.outcome === 'found' && resolution.follow !== undefined) {
      return this.#follow(query, resolution)
        .then((body) => this.#send(query, client, began, { zone, body }))
        .catch((error) => this.#fail(query, client, error));
    }
    const body = this.#body(query, zone, resolution);
    if (body.rcode === RCODE.NOERROR) this.#keep(query, { zone, body });
    return this.#send(query, client, began, { zone, body });
  }

  #body({ name }: Query, zone: Zone | undefined, resolution: Resolution): Body {
    const { resolver } = this.#options;
    switch (resolution.outcome) {
      case 'outside':
        return SERVER_FAILURE;
      case 'refused':
        return REFUSAL;
      case 'found':
        return this.#encode(name, RCODE.NOERROR, resolution);
      default: {
        if (!resolver.isComplete) return SERVER_FAILURE;
        const rcode = resolution.outcome === 'empty' ? RCODE.NOERROR : RCODE.NXDOMAIN;
        return this.#encode(name, rcode, { authority: [resolver.start(zone!)] });
      }
    }
  }

  #encode(name: string, rcode: Body['rcode'], sections: Parameters<BodyEncoder['encode']>[2]): Body {
    const body = this.#encoder.encode(name, rcode, sections);
    return this.#options.forwarder ? { ...body, recursionAvailable: true } : body;
  }

  #keep({ type, name }: Query, kept: Kept): void {
    if (this.#keptCount >= MOST_BODIES) this.forget();
    let ofType = this.#kept.get(type);
    if (!ofType) {
      ofType = new Map();
      this.#kept.set(type, ofType);
    }
    ofType.set(name, kept);
    this.#keptCount += 1;
  }

  async #forward(query: Query, client: Client, began: number, zone: Zone | undefined): Promise<Reply> {
    const { forwarder, metrics } = this.#options;
    const answer = await forwarder!.ask(query.packet, query.questionEnd, client.transport);
    if (!answer) return this.#send(query, client, began, { zone, body: SERVER_FAILURE });
    metrics.count({ query, client, zone, rcode: answer[3] & 15, bytes: answer.length, began });
    return answer;
  }

  /** The alias, and after it what those say who know where it leads. */
  async #follow(query: Query, resolution: Extract<Resolution, { outcome: 'found' }>): Promise<Body> {
    const answer = await this.#options.forwarder!.lookUp(resolution.follow!, query.type);
    const more = answer ? readAnswers(answer) : [];
    return this.#encode(query.name, RCODE.NOERROR, { answer: [...resolution.answer, ...more] });
  }

  #send(query: Query, client: Client, began: number, { zone, body }: { zone?: Zone; body: Body }): Buffer {
    const reply = writeReply(query, body, client.transport);
    this.#options.metrics.count({ query, client, zone, rcode: body.rcode, bytes: reply.length, began });
    return reply;
  }

  #fail(query: Query | undefined, client: Client, error: unknown): Reply {
    this.#options.metrics.failures += 1;
    this.#options.log.error({ err: error }, 'a query could not be answered');
    return query && writeRefusal({ ...query, refusal: RCODE.SERVFAIL }, client.transport);
  }
}
