// What a full API server costs: listing and deleting 10,000 objects, and whether a write costs more among 100,000 than among 1,000.
import { join } from 'node:path';
import { runJob } from './child.ts';
import type { FillJob } from './fill.ts';
import { type Server, startServer } from './server.ts';
import { type Bench, ms, percentile, type Row } from './table.ts';
import { connect, type Wire } from './wire.ts';

const FOLDER = '/api/v1/namespaces/default/configmaps';
const MANY = 10_000;
const FEW = 1000;
const MOST = 100_000;
/** Writes whose processor time is taken together. */
const SAMPLE = 5000;
const LISTS = 10;
const LIST_MS = 150;
const DELETE_MS = 3000;
/** How much dearer a write among MOST may be than among FEW. */
const FLAT = 1.25;

async function timed(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return performance.now() - begin;
}

/** Makes ConfigMaps number `from` to `to`; returns processor time per write, µs. */
async function fill(server: Server, from: number, to: number, signal: AbortSignal): Promise<number> {
  const before = await server.cpu();
  const job: FillJob = { target: server.target, kinds: ['configmaps'], from, count: to - from };
  await runJob<FillJob, null>('fill', job, signal);
  return (1000 * ((await server.cpu()) - before)) / (to - from);
}

async function lists(wire: Wire): Promise<Row> {
  const samples: number[] = [];
  for (let i = 0; i < LISTS; i += 1) samples.push(await timed(wire.send({ method: 'GET', path: FOLDER })));
  const median = percentile(samples, 0.5);
  const measured = `p50 ${ms(median)} · max ${ms(Math.max(...samples))}`;
  return { what: 'list of 10,000 ConfigMaps', measured, target: `≤ ${LIST_MS} ms`, met: median <= LIST_MS };
}

async function deletion(wire: Wire): Promise<Row> {
  const took = await timed(wire.send({ method: 'DELETE', path: FOLDER }));
  return { what: 'deletecollection of 10,000 ConfigMaps', measured: ms(took), target: '≤ 3 s', met: took <= DELETE_MS };
}

async function flatness(server: Server, signal: AbortSignal): Promise<Row> {
  await fill(server, 0, FEW, signal);
  const few = await fill(server, FEW, FEW + SAMPLE, signal);
  await fill(server, FEW + SAMPLE, MOST, signal);
  const most = await fill(server, MOST, MOST + SAMPLE, signal);
  const measured = `${few.toFixed(0)} µs among 1,000 · ${most.toFixed(0)} µs among 100,000`;
  return {
    what: 'processor time per durable create, 32 clients, http/1.1',
    measured,
    target: `${FLAT} × at most`,
    met: most <= FLAT * few,
  };
}

export const size: Bench = {
  name: 'size',
  async run({ scratch, signal }) {
    const server = await startServer(join(scratch, 'apiserver'));
    try {
      await fill(server, 0, MANY, signal);
      const wire = await connect('http/1.1', server.target);
      const rows = [await lists(wire), await deletion(wire)];
      wire.close();
      return [...rows, await flatness(server, signal)];
    } finally {
      await server.stop();
    }
  },
};
