// Load on an API server, from a process of its own: creates, gets and merge patches of ConfigMaps by some clients, each
// waiting for one answer before it asks again.
import { doJob } from './child.ts';
import type { Target } from './server.ts';
import { percentile } from './table.ts';
import { connect, type Protocol, type Request, type Wire } from './wire.ts';

export interface LoadJob {
  readonly target: Target;
  readonly protocol: Protocol;
  readonly clients: number;
  /** Per phase, after as long again, at most a second, to warm up. */
  readonly seconds: number;
  /** Keeps the names of one run apart from another's. */
  readonly prefix: string;
}

export interface PhaseResult {
  readonly perSecond: number;
  /** ms. */
  readonly p50: number;
  readonly p99: number;
}

export type LoadResult = Record<'creates' | 'gets' | 'patches', PhaseResult>;

const FOLDER = '/api/v1/namespaces/default/configmaps';
const PADDING = 'x'.repeat(500);

function create(name: string): Request {
  const metadata = { name, labels: { app: 'bench' } };
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { k: PADDING } });
  return { method: 'POST', path: FOLDER, contentType: 'application/json', body };
}

const get = (name: string): Request => ({ method: 'GET', path: `${FOLDER}/${name}` });

function patch(name: string, turn: number): Request {
  const body = JSON.stringify({ data: { p: String(turn) } });
  return { method: 'PATCH', path: `${FOLDER}/${name}`, contentType: 'application/merge-patch+json', body };
}

/** Every wire sends what `next` says, again and again; what is answered after the warm-up counts. */
async function phase(wires: readonly Wire[], seconds: number, next: (turn: number) => Request): Promise<PhaseResult> {
  const begin = performance.now() + 1000 * Math.min(1, seconds);
  const end = begin + 1000 * seconds;
  const latencies: number[] = [];
  let turn = 0;
  const client = async (wire: Wire): Promise<void> => {
    for (let sent = performance.now(); sent < end; ) {
      await wire.send(next(turn++));
      const answered = performance.now();
      if (sent >= begin && answered <= end) latencies.push(answered - sent);
      sent = answered;
    }
  };
  await Promise.all(wires.map(client));
  return { perSecond: latencies.length / seconds, p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
}

await doJob(async ({ target, protocol, clients, seconds, prefix }: LoadJob): Promise<LoadResult> => {
  const wires = await Promise.all(Array.from({ length: clients }, () => connect(protocol, target)));
  let created = 0;
  const creates = await phase(wires, seconds, (turn) => {
    created = turn + 1;
    return create(`${prefix}-${turn}`);
  });
  const gets = await phase(wires, seconds, (turn) => get(`${prefix}-${turn % created}`));
  const patches = await phase(wires, seconds, (turn) => patch(`${prefix}-${turn % created}`, turn));
  for (const wire of wires) wire.close();
  return { creates, gets, patches };
});
