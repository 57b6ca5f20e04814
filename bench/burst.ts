// A cluster whose endpoints change all the time, and `vitrine proxy` behind an API server, in namespaces of their own (bench/proxy.ts makes
// them): says how long after the last change a connection finds its endpoint, and what the proxy worked.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Catalogue } from '../api/catalogue.ts';
import type { AnyObject } from '../api/object.ts';
import { writeKubeconfig } from '../apiserver/kubeconfig.ts';
import { encodeStored, keyFor } from '../apiserver/registry/codec.ts';
import { startApiServer } from '../apiserver/server.ts';
import { MemoryStore } from '../apiserver/storage/memory.ts';
import type { Op } from '../apiserver/storage/store.ts';
import { check } from '../host/exec.ts';
import { doJob } from './child.ts';
import { VITRINE } from './server.ts';

export interface BurstJob {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
  /** One endpoint of one service each. */
  readonly changesPerSecond: number;
  readonly seconds: number;
}

export interface BurstResult {
  /** ms from the last write until a connection was sent where it says. */
  readonly last: number;
  /** Processor time of the proxy and its tools over that of the burst. */
  readonly cores: number;
  /** Of a second: how often that was, in truth. */
  readonly changesPerSecond: number;
}

const KUBECONFIG = '/run/kubeconfig';
/** The last change leads from the first of these addresses, where nobody listens, to the second. */
const [FORMER, LATTER] = ['10.244.9.1', '10.244.9.2'];
const PORT = 8080;
/** ms for a connection. */
const PATIENCE_MS = 200;

const catalogue = new Catalogue();
const address = (net: number, n: number): string => `${net}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
const clusterIP = (service: number): string => address(10, (96 << 16) + service + 10);

function op(group: string, plural: string, name: string, object: object): Op {
  const kind = catalogue.byResource(group, 'v1', plural)!;
  const metadata = {
    name,
    namespace: 'default',
    uid: `${plural}-${name}`,
    creationTimestamp: '2025-01-01T00:00:00Z',
    labels: { 'kubernetes.io/service-name': name },
  };
  const key = keyFor(kind, 'default', name);
  return { key, value: (revision) => encodeStored(kind, { metadata, ...object } as AnyObject, revision) };
}

function serviceOp(n: number): Op {
  const ports = [{ port: 80, protocol: 'TCP', targetPort: PORT }];
  const spec = { type: 'ClusterIP', clusterIP: clusterIP(n), clusterIPs: [clusterIP(n)], ports };
  return op('', 'services', `service-${n}`, { apiVersion: 'v1', kind: 'Service', spec });
}

const sliceOp = (n: number, addresses: readonly string[]): Op =>
  op('discovery.k8s.io', 'endpointslices', `service-${n}`, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    ports: [{ name: '', protocol: 'TCP', port: PORT }],
    endpoints: addresses.map((ip) => ({ addresses: [ip], nodeName: 'node-2', conditions: { ready: true } })),
  });

/** `turn` moves the first one to another address. */
function endpointsOf(service: number, count: number, turn = 0): string[] {
  const base = service * count;
  return Array.from({ length: count }, (_, i) => address(i === 0 && turn % 2 === 1 ? 12 : 11, base + i));
}

/** ms that all processes here but this one have worked, those that ended too. */
async function workedByOthers(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  const ticks = stats.filter(Boolean).map((stat) => {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  });
  return 10 * ticks.reduce((sum, count) => sum + count, 0);
}

/** Resolves with whether somebody answers where the service leads. */
function isTaken(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 80 });
    // One that was sent before there were rules for it would be sent again and again, each time later.
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const settle = (isDone: boolean): void => {
      socket.destroy();
      resolve(isDone);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
    patience.addEventListener('abort', () => settle(false), { once: true });
  });
}

async function untilTaken(host: string, proxy: ChildProcess): Promise<void> {
  while (!(await isTaken(host))) {
    if (proxy.exitCode !== null || proxy.signalCode !== null) throw new Error('the proxy ended');
    await setTimeout(1);
  }
}

await doJob(async ({ services, endpoints, changesPerSecond, seconds }: BurstJob): Promise<BurstResult> => {
  await check([
    'sh',
    '-ec',
    `ip address add ${LATTER} dev lo; ip address add ${FORMER} dev lo; ip route add 10.0.0.0/8 dev lo`,
  ]);
  createServer((socket) => socket.end())
    .listen(PORT, LATTER)
    .unref();
  const store = new MemoryStore();
  const server = await startApiServer({ store, bindAddress: '127.0.0.1' });
  await writeKubeconfig(KUBECONFIG, { server: server.url, caCert: server.caCert, token: server.token });
  for (let n = 0; n < services; n += 1) {
    await store.commit([serviceOp(n), sliceOp(n, endpointsOf(n, endpoints))]);
  }
  const last = services;
  await store.commit([serviceOp(last), sliceOp(last, [LATTER])]);
  const flags = [`--kubeconfig=${KUBECONFIG}`, '--proxy-mode=nftables', '--hostname-override=node-1'];
  const proxy = spawn(process.execPath, [VITRINE, 'proxy', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, VITRINE_LOG_LEVEL: 'error' },
  });
  await untilTaken(clusterIP(last), proxy);
  await store.commit([sliceOp(last, [FORMER])]);
  const [began, before] = [performance.now(), await workedByOthers()];
  let written = 0;
  while (performance.now() - began < seconds * 1000) {
    const due = Math.floor(((performance.now() - began) / 1000) * changesPerSecond);
    for (; written < due; written += 1) {
      const n = (written * 37) % services;
      await store.commit([sliceOp(n, endpointsOf(n, endpoints, 1 + Math.floor(written / services)))]);
    }
    await setTimeout(1);
  }
  const lastAt = performance.now();
  await store.commit([sliceOp(last, [LATTER])]);
  await untilTaken(clusterIP(last), proxy);
  const took = performance.now() - lastAt;
  const cores = ((await workedByOthers()) - before) / (performance.now() - began);
  const ended = once(proxy, 'close');
  proxy.kill();
  await ended;
  await server.close();
  return { last: took, cores, changesPerSecond: written / seconds };
});
