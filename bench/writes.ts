// Durable creates, gets and patches over TLS, beside the limits of disk, store and one Node process, all in the same run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runJob } from './child.ts';
import { storeCommits, syncedAppends } from './disk.ts';
import type { LoadJob, LoadResult } from './load.ts';
import { end, startServer, type Target } from './server.ts';
import { type Bench, type Context, ms, type Row, rate } from './table.ts';
import type { Protocol } from './wire.ts';

const SHARE = 0.65;
const PROTOCOLS: readonly Protocol[] = ['http/1.1', 'h2'];

async function bareServer(): Promise<{ target: Target; stop(): Promise<void> }> {
  const path = new URL('./bare-server.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { target: JSON.parse(String(line)), stop: () => end(child) };
}

function rowsOf(what: string, ours: LoadResult, bare: LoadResult, judged: boolean): Row[] {
  return (['creates', 'gets', 'patches'] as const).map((verb) => {
    const share = ours[verb].perSecond / bare[verb].perSecond;
    const { perSecond, p50, p99 } = ours[verb];
    return {
      what: `${verb}, ${what}`,
      measured: `${rate(perSecond)} · p50 ${ms(p50)} · p99 ${ms(p99)} · ${Math.round(100 * share)} % of bare ${rate(bare[verb].perSecond)}`,
      ...(judged && { target: `≥ ${100 * SHARE} % of bare Fastify`, met: share >= SHARE }),
    };
  });
}

async function compare(context: Context, ours: Target, bare: Target): Promise<Row[]> {
  const rows: Row[] = [];
  for (const protocol of PROTOCOLS) {
    for (const clients of [1, 32]) {
      const prefix = `${protocol === 'h2' ? 'two' : 'one'}-${clients}`;
      const load = (target: Target): Promise<LoadResult> => {
        const job = { target, protocol, clients, seconds: context.seconds, prefix };
        return runJob<LoadJob, LoadResult>('load', job, context.signal);
      };
      const what = `${clients} client${clients > 1 ? 's' : ''}, ${protocol}`;
      rows.push(...rowsOf(what, await load(ours), await load(bare), clients > 1));
    }
  }
  return rows;
}

export const writes: Bench = {
  name: 'writes',
  async run(context) {
    const { scratch, seconds } = context;
    const limits: Row[] = [
      { what: 'limit: append + fdatasync, one after the other', measured: rate(syncedAppends(scratch, seconds)) },
      { what: 'limit: store alone, 1 client', measured: rate(await storeCommits(scratch, 1, seconds)) },
      { what: 'limit: store alone, 32 clients', measured: rate(await storeCommits(scratch, 32, seconds)) },
    ];
    const bare = await bareServer();
    try {
      const server = await startServer(join(scratch, 'apiserver'));
      try {
        return [...limits, ...(await compare(context, server.target, bare.target))];
      } finally {
        await server.stop();
      }
    } finally {
      await bare.stop();
    }
  },
};
