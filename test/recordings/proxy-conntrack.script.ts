// One case of conntrack clean-up inside its own network namespace: puts the flows into the kernel's table, lets the proxy decide after
// each step, and answers with what the table holds then.
import { type KubeObject, keyOf } from '../../api/object.ts';
import type { Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { Conntrack, type Flow } from '../../host/conntrack.ts';
import { check } from '../../host/exec.ts';
import { EndpointSliceTracker } from '../../proxy/changes/endpoint-slices.ts';
import { ServiceTracker } from '../../proxy/changes/services.ts';
import { StaleFlows } from '../../proxy/conntrack.ts';
import { PlanMaker } from '../../proxy/make-plan.ts';
import { nodeFacts } from '../../proxy/node-facts.ts';
import { defaultOptions } from '../../proxy/proxy.ts';
import { answer } from '../network.ts';

export interface RecordedFlow {
  protocol: string;
  original: { src: string; dst: string; sport: number; dport: number };
  reply: { src: string; dst: string; sport: number; dport: number };
  replied: boolean;
}

export interface ConntrackStep {
  apply?: KubeObject[];
  delete?: { kind: string; namespace?: string; name: string }[];
  /** The proxy starts anew, knowing nothing of before. */
  restart?: boolean;
}

export interface ConntrackCase {
  nodeName: string;
  objects: KubeObject[];
  before: RecordedFlow[];
  steps: ConntrackStep[];
}

/** The table after each step, as texts that sort. */
export type Tables = string[][];

class ProxyOfFlows {
  readonly #services = new ServiceTracker();
  readonly #slices = new EndpointSliceTracker();
  readonly #maker = new PlanMaker('IPv4', this.#services, this.#slices);
  readonly #staleFlows = new StaleFlows(new Conntrack(4), 'IPv4', this.#slices);
  readonly #facts: ReturnType<typeof nodeFacts>;

  constructor(nodeName: string) {
    this.#facts = nodeFacts('IPv4', defaultOptions(nodeName, 'iptables'), undefined, {});
  }

  apply(object: KubeObject): void {
    if (object.kind === 'Service') this.#services.set(object as Service);
    if (object.kind === 'EndpointSlice') this.#slices.set(object as EndpointSlice);
  }

  delete(kind: string, key: string): void {
    if (kind === 'Service') this.#services.delete(key);
    if (kind === 'EndpointSlice') this.#slices.delete(key);
  }

  async sync(): Promise<void> {
    const keys = [...this.#services.take(), ...this.#slices.take()];
    const step = this.#maker.update(this.#facts, keys);
    this.#staleFlows.note(step, keys);
    await this.#staleFlows.forget(step);
  }
}

async function insert({ protocol, original, reply, replied }: RecordedFlow): Promise<void> {
  const tuple = ['-s', original.src, '-d', original.dst, '--sport', original.sport, '--dport', original.dport];
  const back = ['--reply-src', reply.src, '--reply-dst', reply.dst];
  const ports = ['--reply-port-src', reply.sport, '--reply-port-dst', reply.dport];
  const state = {
    tcp: ['--state', 'ESTABLISHED'],
    sctp: ['--state', 'ESTABLISHED', '--orig-vtag', 1, '--reply-vtag', 2],
  };
  const more = [...(state[protocol as keyof typeof state] ?? []), ...(replied ? ['-u', 'SEEN_REPLY'] : [])];
  await check(['conntrack', '-I', '-p', protocol, ...tuple, ...back, ...ports, '-t', 300, ...more].map(String));
}

const textOf = (flow: Flow): string =>
  `${flow.protocol} ${flow.source}:${flow.sourcePort} ${flow.destination}:${flow.destinationPort} ${flow.replySource}:${flow.replySourcePort}`;

async function table(): Promise<string[]> {
  const conntrack = new Conntrack(4);
  const flows = await Promise.all((['udp', 'sctp', 'tcp'] as 'udp'[]).map((protocol) => conntrack.list(protocol)));
  return flows.flat().map(textOf).sort();
}

await answer(async ({ nodeName, objects, before, steps }: ConntrackCase): Promise<Tables> => {
  let proxy = new ProxyOfFlows(nodeName);
  const state = new Map<string, KubeObject>();
  const apply = (object: KubeObject): void => {
    state.set(`${object.kind} ${keyOf(object)}`, object);
    proxy.apply(object);
  };
  for (const object of objects) apply(object);
  await proxy.sync();
  for (const flow of before) await insert(flow);
  const tables: Tables = [];
  for (const { apply: applied = [], delete: deleted = [], restart } of steps) {
    for (const object of applied) apply(object);
    for (const { kind, namespace, name } of deleted) {
      const key = keyOf({ metadata: { namespace, name } });
      state.delete(`${kind} ${key}`);
      proxy.delete(kind, key);
    }
    if (restart) {
      proxy = new ProxyOfFlows(nodeName);
      for (const object of state.values()) proxy.apply(object);
    }
    await proxy.sync();
    tables.push(await table());
  }
  return tables;
});
