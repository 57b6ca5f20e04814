// kube-proxy's backends against the kernel: a full load, one change at that size, and a look for drift; then all of it behind an API server
// while endpoints change all the time, and what its rules cost a connection.
import type { SyncJob, SyncResult } from './backend-sync.ts';
import type { BurstJob, BurstResult } from './burst.ts';
import { runJob } from './child.ts';
import type { FirstPacketJob, FirstPacketResult } from './first-packet.ts';
import { type Bench, ms, percentile, type Row, rate } from './table.ts';

/** As on a real node when root; a user namespace, as in the lab, otherwise. */
const ISOLATED = process.getuid!() === 0 ? ['unshare', '-n'] : ['unshare', '-Urn'];

/** Processes, mounts and names of its own besides: all go with its first process. */
const APART = [
  ...['unshare', process.getuid!() === 0 ? '-nmpf' : '-Urnmpf', '--mount-proc', '--kill-child'],
  ...['sh', '-c', 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" "$@"'],
];

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

const BURST: BurstJob = { services: 10_000, endpoints: 5, changesPerSecond: 1000, seconds: 30 };

async function burst(signal: AbortSignal): Promise<Row> {
  const { last, cores, changesPerSecond } = await runJob<BurstJob, BurstResult>('burst', BURST, signal, APART);
  return {
    what: `nftables: ${rate(BURST.changesPerSecond)} endpoint changes for ${BURST.seconds} s`,
    measured: `${rate(changesPerSecond)} · last one followed after ${ms(last)} · ${cores.toFixed(2)} cores`,
    target: 'last ≤ 100 ms, ≤ 1 core',
    met: last <= 100 && cores <= 1,
  };
}

const FIRST_PACKET: FirstPacketJob = { services: 10_000, endpoints: 5, connections: 20_000 };

async function firstPacket(signal: AbortSignal): Promise<Row> {
  const result = await runJob<FirstPacketJob, FirstPacketResult>('first-packet', FIRST_PACKET, signal, APART);
  const { direct, throughService } = result;
  const more = 100 * (throughService / direct - 1);
  return {
    what: 'nftables: connection between pods through one of 10,000 services',
    measured: `p50 ${throughService.toFixed(1)} µs, direct ${direct.toFixed(1)} µs: ${more.toFixed(1)} % more`,
    target: '≤ 10 % more',
    met: more <= 10,
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
    rows.push(await burst(signal), await firstPacket(signal));
    return rows;
  },
};
