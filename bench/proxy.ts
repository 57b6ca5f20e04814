// kube-proxy's backends against the kernel: a full load, one change at that size, and a full resync of what is there.
import type { SyncJob, SyncResult } from './backend-sync.ts';
import { runJob } from './child.ts';
import { type Bench, ms, percentile, type Row } from './table.ts';

const ENDPOINTS = 5;

/** As on a real node when root; a user namespace, as in the lab, otherwise. */
const ISOLATED = process.getuid!() === 0 ? ['unshare', '-n'] : ['unshare', '-Urn'];

const SIZES: ReadonlyArray<Pick<SyncJob, 'backend' | 'services'>> = [
  { backend: 'nftables', services: 1000 },
  { backend: 'nftables', services: 10_000 },
  { backend: 'iptables', services: 1000 },
  { backend: 'iptables', services: 10_000 },
];

/** ms of a load and of a change, at this many services. */
const TARGETS: Record<string, { load: number; change: number } | undefined> = {
  'nftables 10000': { load: 2000, change: 15 },
};

const labelOf = ({ backend, services }: Pick<SyncJob, 'backend' | 'services'>): string =>
  `${backend}: ${services.toLocaleString('en')} services × ${ENDPOINTS}`;

function row(job: Pick<SyncJob, 'backend' | 'services'>, result: SyncResult): Row {
  const target = TARGETS[`${job.backend} ${job.services}`];
  const change = percentile(result.changes, 0.5);
  const worst = percentile(result.changes, 0.99);
  return {
    what: labelOf(job),
    measured: `load ${ms(result.load)} · change p50 ${ms(change)}, p99 ${ms(worst)} · resync ${ms(result.resync)}`,
    ...(target && {
      target: `load ≤ ${target.load} ms, change ≤ ${target.change} ms`,
      met: result.load <= target.load && change <= target.change,
    }),
  };
}

export const proxy: Bench = {
  name: 'proxy',
  async run({ signal }) {
    const rows: Row[] = [];
    for (const size of SIZES) {
      const job: SyncJob = { ...size, endpoints: ENDPOINTS, changes: 30 };
      rows.push(
        await runJob<SyncJob, SyncResult>('backend-sync', job, signal, ISOLATED).then(
          (result) => row(size, result),
          (error: Error) => ({ what: labelOf(size), measured: `failed: ${error.message}`, met: false }),
        ),
      );
    }
    return rows;
  },
};
