// Whether what came back is what the table says.
import type { IPFamily } from '../../proxy/plan.ts';
import type { Target } from './objects.ts';
import type { Mode } from './proxies.ts';
import type { Answer } from './sockets.ts';
import type { Expected, Row, Served } from './table.ts';
import { addressOf, NODES, type NodeName, nodeOf, type Place, PODS, type ServerPod } from './topology.ts';

/** All answers to one row, summed up. */
export interface Outcome {
  /** Server → how often it answered, and the client addresses it saw. */
  readonly servers: Readonly<Record<string, { readonly count: number; readonly seen: readonly string[] }>>;
  /** Error → how often. */
  readonly errors: Readonly<Record<string, number>>;
  readonly fastestMs: number;
}

/** The kernel limits refusals in a burst, so that the fastest of several counts. Later than this it did not come at once: a client's first packet was lost, and it sent another after a second. */
const AT_ONCE_MS = 900;

/** A datagram that its own node's rules refuse or drop is not permitted. */
const FITTING = { refused: /refused|not permitted/, lost: /^(?!.*refused)/ } as const;

export function sumUp(answers: readonly Answer[]): Outcome {
  const servers: Record<string, { count: number; seen: string[] }> = {};
  const errors: Record<string, number> = {};
  for (const { by, seen, error } of answers) {
    if (!by) errors[error] = (errors[error] ?? 0) + 1;
    else {
      const server = servers[by] ?? { count: 0, seen: [] };
      servers[by] = server;
      server.count += 1;
      if (!server.seen.includes(seen)) server.seen.push(seen);
    }
  }
  return { servers, errors, fastestMs: Math.min(...answers.map(({ ms }) => ms)) };
}

export function expectedIn(mode: Mode, { expect }: Row): Expected {
  if (typeof expect === 'string' || 'by' in expect) return expect;
  return expect[mode];
}

/** What is wrong; empty: nothing. */
export function complaints(row: Row, family: IPFamily, mode: Mode, outcome: Outcome): string[] {
  const expected = expectedIn(mode, row);
  const answered = Object.keys(outcome.servers);
  const errors = Object.entries(outcome.errors).map(([text, count]) => `${count} × ${text}`);
  if (typeof expected === 'string')
    return [...answered.map((name) => `${name} answered`), ...silence(expected, outcome)];
  return [...errors, ...wrongServers(expected, row, answered), ...wrongSources(expected, row, family, outcome)];
}

function silence(expected: 'refused' | 'lost', { errors, fastestMs }: Outcome): string[] {
  const wrong = Object.keys(errors).filter((text) => !FITTING[expected].test(text));
  if (wrong.length > 0) return [`${expected} was expected, not: ${wrong}`];
  return expected === 'refused' && fastestMs > AT_ONCE_MS ? [`refused only after ${fastestMs} ms`] : [];
}

function wrongServers({ by }: Served, { staysFor }: Row, answered: readonly string[]): string[] {
  const strangers = answered.filter((name) => !by.includes(name as ServerPod)).map((name) => `${name} answered too`);
  if (staysFor !== undefined) {
    return answered.length === 1 ? strangers : [...strangers, `did not stay with one server: ${answered}`];
  }
  return [...strangers, ...by.filter((name) => !answered.includes(name)).map((name) => `${name} never answered`)];
}

function wrongSources({ source }: Served, { from, to }: Row, family: IPFamily, { servers }: Outcome): string[] {
  return Object.entries(servers).flatMap(([name, { seen }]) => {
    if (!(name in PODS)) return [];
    const server = name as ServerPod;
    const expected =
      source === 'masqueraded' || server === from
        ? nodeAddressSeenBy(server, translatorOf(from, to), family)
        : addressOf(from)[family];
    return seen.filter((address) => address !== expected).map((address) => `${name} saw ${address}, not ${expected}`);
  });
}

/** The node whose rules see the packet first: the sender's own, unless it is addressed to another node. */
export function translatorOf(from: Place, to: Target): NodeName {
  const isNodes = /^(node port|second)/.test(to) && to !== 'node port on localhost';
  const via = to === 'cluster IP' ? 'node-1' : (to.slice(-6) as NodeName);
  return isNodes ? via : (nodeOf(from) ?? via);
}

/** A masqueraded client has the address of the link by which its packets leave the node. */
function nodeAddressSeenBy(server: ServerPod, translator: NodeName, family: IPFamily): string {
  const site = NODES[translator];
  return (PODS[server].node === translator ? site.gateway : site.ip)[family];
}
