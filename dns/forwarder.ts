// Names outside the cluster: asked of the servers that the user named, in their order, beginning with the one that answered last.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { CLASS_IN, FLAG, HEADER_BYTES } from './wire/constants.ts';
import { FrameReader, frame } from './wire/frame.ts';
import type { Name } from './wire/name.ts';
import type { Transport } from './wire/reply.ts';

export interface Upstream {
  readonly host: string;
  readonly port: number;
}

export interface ForwarderOptions {
  /** One at least. */
  readonly upstreams: readonly Upstream[];
  /** ms that one server may take; default 2,000. */
  readonly patienceMs?: number;
  /** Questions under way at once; more are refused, so that a flood of them costs no more memory. Default 1,000. */
  readonly most?: number;
}

export class Forwarder {
  readonly #options: Required<ForwarderOptions>;
  /** Index of the server that answered last. */
  #preferred = 0;
  #underWay = 0;

  constructor(options: ForwarderOptions) {
    this.#options = { patienceMs: 2000, most: 1000, ...options };
  }

  /**
   * The answer to `packet`, a query that was read before, whose question ends at `questionEnd`; its id is the query's. Undefined:
   * nobody answered in time. `tcp` asks again over TCP where the answer did not fit into a datagram.
   */
  async ask(packet: Buffer, questionEnd: number, transport: Transport): Promise<Buffer | undefined> {
    const { upstreams, most } = this.#options;
    if (this.#underWay >= most) return undefined;
    this.#underWay += 1;
    try {
      for (let attempt = 0; attempt < upstreams.length; attempt++) {
        const index = (this.#preferred + attempt) % upstreams.length;
        const answer = await this.#askOne(upstreams[index], packet, questionEnd, transport);
        if (!answer) continue;
        this.#preferred = index;
        return answer;
      }
      return undefined;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Asks for the records of one type that a name has elsewhere. */
  lookUp(name: Name, type: number): Promise<Buffer | undefined> {
    const question = Buffer.alloc(HEADER_BYTES + name.length + 5);
    question.writeUInt16BE(FLAG.RD, 2);
    question.writeUInt16BE(1, 4);
    question.write(name, HEADER_BYTES, 'latin1');
    question.writeUInt16BE(type, question.length - 4);
    question.writeUInt16BE(CLASS_IN, question.length - 2);
    return this.ask(question, question.length, 'tcp');
  }

  /** Under an id of its own, from a port of its own: an answer is hard to forge. */
  async #askOne(to: Upstream, packet: Buffer, questionEnd: number, transport: Transport): Promise<Buffer | undefined> {
    const asked = Buffer.from(packet);
    asked.writeUInt16BE(randomInt(0x10000), 0);
    const isAnswer = (reply: Buffer): boolean => answers(reply, asked, questionEnd);
    let reply = await overUDP(to, asked, isAnswer, this.#options.patienceMs);
    if (reply && transport === 'tcp' && reply.readUInt16BE(2) & FLAG.TC) {
      reply = (await overTCP(to, asked, isAnswer, this.#options.patienceMs)) ?? reply;
    }
    reply?.writeUInt16BE(packet.readUInt16BE(0), 0);
    return reply;
  }
}

/** Same id, same question; upper and lower case of it may differ (RFC 4343), and refusals may leave it out. */
function answers(reply: Buffer, asked: Buffer, questionEnd: number): boolean {
  if (reply.length < HEADER_BYTES || reply.readUInt16BE(0) !== asked.readUInt16BE(0)) return false;
  const flags = reply.readUInt16BE(2);
  if (!(flags & FLAG.QR)) return false;
  const question = (message: Buffer): string => message.toString('latin1', HEADER_BYTES, questionEnd).toLowerCase();
  return reply.readUInt16BE(4) === 0 ? (flags & 15) !== 0 : question(reply) === question(asked);
}

/** What `ask` answers with, or undefined after `patienceMs`; `ask` returns what closes its socket. */
function within(patienceMs: number, ask: (end: (reply?: Buffer) => void) => () => void): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const end = (reply?: Buffer): void => {
      clearTimeout(timer);
      close();
      resolve(reply);
    };
    const timer = setTimeout(end, patienceMs);
    const close = ask(end);
  });
}

/** The first datagram that `isAnswer` takes; undefined after `patienceMs`, or when nobody is there. */
function overUDP(
  { host, port }: Upstream,
  asked: Buffer,
  isAnswer: (reply: Buffer) => boolean,
  patienceMs: number,
): Promise<Buffer | undefined> {
  return within(patienceMs, (end) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.on('message', (reply) => isAnswer(reply) && end(reply));
    socket.once('error', () => end()); // refused: the next server's turn
    socket.on('error', () => {});
    socket.connect(port, host, () => socket.send(asked));
    return () => socket.removeAllListeners('message').close();
  });
}

function overTCP(
  { host, port }: Upstream,
  asked: Buffer,
  isAnswer: (reply: Buffer) => boolean,
  patienceMs: number,
): Promise<Buffer | undefined> {
  return within(patienceMs, (end) => {
    const socket = connect({ host, port, noDelay: true });
    const frames = new FrameReader();
    socket.on('data', (chunk) => {
      const reply = frames.read(chunk).find(isAnswer);
      if (reply) end(reply);
    });
    socket.on('error', () => end()).on('close', () => end());
    socket.write(frame(asked));
    return () => socket.destroy();
  });
}
