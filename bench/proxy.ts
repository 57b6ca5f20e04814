// kube-proxy's backends against the kernel: a full load, one change at that size, and a full resync of what is there.
import type { SyncJob, SyncResult } from './backend-sync.ts';
import { runJob } from './child.ts';
import { type Bench, ms, percentile, type Row } from './table.ts';

/** As on a real node when root; a user namespace, as in the lab, otherwise. */
const ISOLATED = process.getuid!() === 0 ? ['unshare', '-n'] : ['unshare', '-Urn'];

type Size = Pick<SyncJob, 'backend' | 'services' | 'endpoints'> & { readonly target?: Target };

/** ms at most, MiB at most. */
interface Target {
  readonly load?: number;
  readonly change?: number;
  readonly memory?: number;
}

// biome-ignore format: one size per row reads as a table
const SIZES: readonly Size[] = [
  { backend: 'nftables', services: 1000, endpoints: 5 },
  { backend: 'nftables', services: 10_000, endpoints: 5, target: { load: 2000, change: 15, memory: 200 } },
  { backend: 'nftables', services: 5000, endpoints: 50, target: { load: 15_000 } },
  { backend: 'nftables', services: 100_000, endpoints: 5, target: { load: 20_000, change: 20 } },
  { backend: 'iptables', services: 1000, endpoints: 5, target: { change: 30 } },
  { backend: 'iptables', services: 10_000, endpoints: 5 },
];

const labelOf = ({ backend, services, endpoints }: Size): string =>
  `${backend}: ${services.toLocaleString('en')} services × ${endpoints}`;

const UNITS: Readonly<Record<keyof Target, string>> = { load: 'ms', change: 'ms', memory: 'MiB' };

function row(size: Size, { load, changes, look, changeBeside, memory }: SyncResult): Row {
  const change = percentile(changes, 0.5);
  const told = `load ${ms(load)} · change p50 ${ms(change)}, p99 ${ms(percentile(changes, 0.99))}`;
  const beside = `look for drift ${ms(look)}, a change beside it ${ms(changeBeside)}`;
  const measured = `${told} · ${beside} · ${memory.toFixed(0)} MiB`;
  const limits = Object.entries(size.target ?? {}) as [keyof Target, number][];
  if (limits.length === 0) return { what: labelOf(size), measured };
  const values = { load, change, memory };
  return {
    what: labelOf(size),
    measured,
    target: limits.map(([name, most]) => `${name} ≤ ${most} ${UNITS[name]}`).join(', '),
    met: limits.every(([name, most]) => values[name] <= most),
  };
}

export const proxy: Bench = {
  name: 'proxy',
  async run({ signal }) {
    const rows: Row[] = [];
    for (const size of SIZES) {
      const { backend, services, endpoints } = size;
      const job: SyncJob = { backend, services, endpoints, changes: 30 };
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
