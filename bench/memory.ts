// Memory of the API server: idle, and with 10,000 services, pods and ConfigMaps; and how fast it starts with them.
import { join } from 'node:path';
import { runJob } from './child.ts';
import type { FillJob } from './fill.ts';
import { startServer } from './server.ts';
import { type Bench, ms, type Row } from './table.ts';

const OBJECTS = 10_000;
const MOST = 250;
const IDLE_MOST = 120;

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

export const memory: Bench = {
  name: 'memory',
  async run({ scratch, signal }) {
    const directory = join(scratch, 'apiserver');
    const server = await startServer(directory);
    const rows: Row[] = [];
    try {
      const idle = mebibytes(await server.memory());
      const target = `≤ ${IDLE_MOST} MiB`;
      rows.push({ what: 'memory of API server, idle', measured: `${idle} MiB`, target, met: idle <= IDLE_MOST });
      const filled = `${OBJECTS.toLocaleString('en')} services and pods`;
      for (const [what, kinds] of [
        [filled, ['services', 'pods']],
        ['and as many ConfigMaps', ['configmaps']],
      ] as const) {
        await runJob<FillJob, null>('fill', { target: server.target, kinds, count: OBJECTS }, signal);
        const used = mebibytes(await server.memory());
        const judged = what === filled && { target: `≤ ${MOST} MiB`, met: used <= MOST };
        rows.push({ what: `memory of API server, ${what}`, measured: `${used} MiB`, ...judged });
      }
    } finally {
      await server.stop();
    }
    const again = await startServer(directory);
    rows.push({ what: 'API server: start → ready, with 30,000 objects', measured: ms(again.startMs) });
    rows.push({ what: 'memory of API server, started with them', measured: `${mebibytes(await again.memory())} MiB` });
    await again.stop();
    return rows;
  },
};
