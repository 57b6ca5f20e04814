// One proxy backend in a network namespace of its own (bench/proxy.ts makes it): loads a plan, changes it, looks for drift, and says how
// long the kernel took, ms.
import { systemClock } from '../host/clock.ts';
import { IptablesBackend } from '../proxy/iptables/backend.ts';
import { NftablesBackend } from '../proxy/nftables/backend.ts';
import { NODE, servicePort } from '../proxy/plan.stand-ins.ts';
import type { Endpoint, Plan, ServicePort } from '../proxy/plan.ts';
import { doJob } from './child.ts';

export interface SyncJob {
  readonly backend: 'iptables' | 'nftables';
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
  /** One endpoint of one service each. */
  readonly changes: number;
}

export interface SyncResult {
  readonly load: number;
  readonly changes: number[];
  /** A look for drift that finds none. */
  readonly look: number;
  /** A change that comes while another look is under way. */
  readonly changeBeside: number;
  /** MiB that this process held at most. */
  readonly memory: number;
}

const FACTS: Plan['node'] = { ...NODE, detectLocal: { mode: 'ClusterCIDR', cidr: '10.244.0.0/16' } };

const address = (net: number, n: number): string => `${net}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;

/** `turn` moves the service's first endpoint to another address. */
function portOf(service: number, endpoints: number, turn = 0): ServicePort {
  const base = service * endpoints;
  const clusterEndpoints = Array.from({ length: endpoints }, (_, i): Endpoint => {
    return { ip: address(i === 0 && turn > 0 ? 12 : 11, base + i + turn), port: 8080, isLocal: false };
  });
  return servicePort(`service-${service}`, { clusterIP: address(10, (96 << 16) + service + 10), clusterEndpoints });
}

async function timed(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return performance.now() - begin;
}

await doJob(async (job: SyncJob): Promise<SyncResult> => {
  const backend = job.backend === 'iptables' ? new IptablesBackend() : new NftablesBackend();
  const ports = Array.from({ length: job.services }, (_, i) => portOf(i, job.endpoints));
  const services = new Map(ports.map((port) => [port.id, port]));
  const plan: Plan = { family: 'IPv4', node: FACTS, services };
  const load = await timed(backend.sync(plan));
  let turn = 0;
  const change = (): Promise<number> => {
    turn += 1;
    const changed = portOf((turn * 37) % job.services, job.endpoints, turn);
    services.set(changed.id, changed);
    return timed(backend.sync(plan, new Set([changed.id])));
  };
  const changes: number[] = [];
  while (changes.length < job.changes) changes.push(await change());
  const { signal } = new AbortController();
  const look = await timed(backend.isIntact(signal));
  const looking = backend.isIntact(signal);
  await systemClock.sleep(look / 2);
  const changeBeside = await change();
  await looking;
  return { load, changes, look, changeBeside, memory: process.resourceUsage().maxRSS / 1024 };
});
