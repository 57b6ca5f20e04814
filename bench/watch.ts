// Watch fan-out: write acknowledged → event received, 1,000 watchers, 20 writes a second.
import { join } from 'node:path';
import { runJob } from './child.ts';
import { startServer } from './server.ts';
import { type Bench, percentile, type Row, spread } from './table.ts';
import type { WatchJob, WatchResult } from './watchers.ts';
import type { Protocol } from './wire.ts';

/** p99, ms. */
const TARGETS: ReadonlyArray<readonly [Protocol, number]> = [
  ['h2', 20],
  ['http/1.1', 70],
];

export const watch: Bench = {
  name: 'watch',
  async run({ scratch, signal }) {
    const rows: Row[] = [];
    for (const [protocol, most] of TARGETS) {
      const server = await startServer(join(scratch, protocol.replace('/', '-')));
      try {
        const job: WatchJob = { target: server.target, protocol, watchers: 1000, writes: 200, writesPerSecond: 20 };
        const { afterAcknowledged, afterSent, lost } = await runJob<WatchJob, WatchResult>('watchers', job, signal);
        rows.push({
          what: `watch: acknowledged → received, 1,000 watchers × 20 writes/s, ${protocol}`,
          measured: `${spread(afterAcknowledged)} (after sent: ${spread(afterSent)})${lost ? ` · ${lost} LOST` : ''}`,
          target: `p99 ≤ ${most} ms`,
          met: lost === 0 && percentile(afterAcknowledged, 0.99) <= most,
        });
      } finally {
        await server.stop();
      }
    }
    return rows;
  },
};
