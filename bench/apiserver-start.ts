// API server: process start → ready, on an empty data directory (certificates are made) and on a used one.
import { join } from 'node:path';
import { startServer } from './server.ts';
import { type Bench, ms, percentile, type Row } from './table.ts';

const RUNS = 10;

async function starts(directory: (run: number) => string): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const server = await startServer(directory(run));
    samples.push(server.startMs);
    await server.stop();
  }
  return samples;
}

function row(what: string, samples: readonly number[]): Row {
  const median = percentile(samples, 0.5);
  const measured = `p50 ${ms(median)} · max ${ms(Math.max(...samples))}`;
  return { what: `API server: start → ready, ${what}`, measured, target: '≤ 300 ms', met: median <= 300 };
}

export const apiserverStart: Bench = {
  name: 'apiserver-start',
  async run({ scratch }) {
    const fresh = await starts((run) => join(scratch, `fresh-${run}`));
    const used = await starts(() => join(scratch, 'fresh-0'));
    return [row('first', fresh), row('again', used)];
  },
};
