// Inside namespaces of its own: connections that are open, and new ones every few milliseconds, while both nodes change their proxy's mode
// and back; tells what became of them.
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import type { IPFamily } from '../../proxy/plan.ts';
import { answer } from '../network.ts';
import { hostOf, serviceOf, slicesOf, type Target } from './objects.ts';
import { type Mode, ProxyProcess, type ProxyProgram } from './proxies.ts';
import { ECHO_PORT, type Stream, type StreamReport, Streams } from './streams.ts';
import { ALL_PODS, at, FAMILIES, NODE_NAMES, type Place } from './topology.ts';
import { World } from './world.ts';

export interface SwitchInput {
  readonly program: ProxyProgram;
}

/** One change of mode. */
export interface Phase {
  readonly about: string;
  /** Names of the rules that are left of the mode before. */
  readonly left: readonly string[];
  readonly before: StreamReport;
  readonly after: StreamReport;
  /** New connections: how many, and what went wrong with which. */
  readonly connections: number;
  readonly failures: readonly string[];
}

const [EVERYWHERE, LOCAL] = [41, 42];
const PROBE_EVERY_MS = 20;

/** Masqueraded and not, translated by the client's own node and by another. */
const WAYS: readonly (readonly [Place, Target, number])[] = [
  ['client-1', 'cluster IP', EVERYWHERE],
  ['client-2', 'cluster IP', EVERYWHERE],
  ['pod-1', 'cluster IP', EVERYWHERE],
  ['node-1', 'cluster IP', EVERYWHERE],
  ['internet', 'cluster IP', EVERYWHERE],
  ['internet', 'node port of node-1', EVERYWHERE],
  ['client-1', 'node port of node-2', EVERYWHERE],
  ['internet', 'external IP via node-1', EVERYWHERE],
  ['internet', 'node port of node-2', LOCAL],
  ['internet', 'load balancer via node-2', LOCAL],
  ['client-1', 'load balancer via node-1', LOCAL],
];

/** Two ports each: for connections that stay, and for those that come and go. */
function ports(number: number) {
  const one = { protocol: 'TCP' as const };
  return [
    { ...one, name: 'echo', port: 7, nodePort: 30_000 + number, targetPort: ECHO_PORT },
    { ...one, name: 'answer', port: 80, nodePort: 30_100 + number, targetPort: 8080 },
  ];
}

/**
 * Every pod network has such rules. Where nobody has any, the kernel forgets that it translates as soon as a proxy's rules are gone,
 * whatever is still open.
 */
const POD_NETWORK = [
  'add table inet pod-network',
  'add chain inet pod-network outgoing { type nat hook postrouting priority srcnat; policy accept; }',
  'add rule inet pod-network outgoing ip saddr 10.244.0.0/16 ip daddr 192.0.2.0/24 masquerade',
].join('; ');

async function serve(world: World): Promise<void> {
  const spec = { externalTrafficPolicy: 'Local' } as const;
  for (const [number, more] of [[EVERYWHERE, {}] as const, [LOCAL, { spec }] as const]) {
    const name = `case-${number}`;
    await world.cluster.put(
      serviceOf({ name, number, ports: ports(number), ...more }),
      ...slicesOf({ service: name, endpoints: ALL_PODS, ports: ports(number) }),
    );
  }
}

/** `which`: 0 the port of connections that stay, 1 that of new ones. */
function streamsOf(which: 0 | 1, families: readonly IPFamily[] = FAMILIES): Stream[] {
  return families.flatMap((family) =>
    WAYS.map(([from, to, number]) => {
      const { port, nodePort } = ports(number)[which];
      const id = `${from} → ${to}, ${number === LOCAL ? 'policy Local, ' : ''}${family}`;
      return { id, from, host: hostOf(to, number, family), port: to.startsWith('node port') ? nodePort : port };
    }),
  );
}

const OWN: Readonly<Record<Mode, RegExp>> = { iptables: /KUBE-[A-Z]+/g, nftables: /vitrine-proxy/g };

async function leftOf(mode: Mode): Promise<string[]> {
  const list = mode === 'iptables' ? [['iptables-save'], ['ip6tables-save']] : [['nft', 'list', 'tables']];
  const texts = await Promise.all(NODE_NAMES.flatMap((node) => list.map((argv) => check(at(node, ...argv)))));
  return [...new Set(texts.flatMap((text) => text.match(OWN[mode]) ?? []))];
}

/** The proxy that started takes the other mode's rules away once its own stand: 20 s at most. */
async function untilGone(mode: Mode): Promise<string[]> {
  let left = await leftOf(mode);
  for (let tries = 0; tries < 400 && left.length > 0; tries += 1) {
    await systemClock.sleep(50);
    left = await leftOf(mode);
  }
  return left;
}

await answer(async ({ program }: SwitchInput): Promise<Phase[]> => {
  const world = await World.build({ program, mode: 'iptables' });
  const proxiesOf = (mode: Mode): ProxyProcess[] =>
    NODE_NAMES.map((place) => new ProxyProcess({ program, mode, kubeconfig: world.cluster.kubeconfig, place }));
  const proxies = { iptables: proxiesOf('iptables'), nftables: proxiesOf('nftables') };
  const stop = (mode: Mode): Promise<unknown> => Promise.all(proxies[mode].map((proxy) => proxy.stop()));
  const start = async (mode: Mode): Promise<void> => {
    for (const proxy of proxies[mode]) proxy.start();
    await world.settle(proxies[mode]);
  };
  for (const node of NODE_NAMES) await check(at(node, 'nft', POD_NETWORK));
  await serve(world);
  await start('iptables');
  const streams = await Streams.start(ALL_PODS);
  streams.open(streamsOf(0));
  const phases: Phase[] = [];
  const change = async (about: string, from: Mode, to: Mode): Promise<void> => {
    const before = await streams.goneOn(phases.at(-1)?.after);
    const probes = streamsOf(1).map(({ id, from, host, port }) => {
      return { id, probe: world.clients.probe({ from, transport: 'tcp', host, port }, PROBE_EVERY_MS) };
    });
    await stop(from);
    await start(to);
    const left = await untilGone(from);
    const after = await streams.goneOn(before);
    const answers = await Promise.all(probes.map(async ({ id, probe }) => ({ id, all: await probe.stop() })));
    const failures = answers.flatMap(({ id, all }) => all.flatMap(({ error }) => (error ? [`${id}: ${error}`] : [])));
    const connections = answers.reduce((sum, { all }) => sum + all.length, 0);
    phases.push({ about, left, before, after, connections, failures });
  };
  await change('iptables to nftables', 'iptables', 'nftables');
  await change('nftables to iptables', 'nftables', 'iptables');
  for (const [from, to] of [['iptables', 'nftables'] as const, ['nftables', 'iptables'] as const]) {
    const before = await streams.goneOn(phases.at(-1)!.after);
    await stop(from);
    for (const proxy of proxies[from]) await proxy.cleanup();
    const left = await leftOf(from);
    const unserved = await streams.goneOn(before);
    await start(to);
    const after = await streams.goneOn(unserved);
    phases.push({ about: `${from}, --cleanup, ${to}`, left, before, after, connections: 0, failures: [] });
  }
  return phases;
});
