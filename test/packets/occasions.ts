// What is no row, because it takes time or happens once: clients whose affinity runs out, UDP clients that keep their port, rules that
// someone flushes, a proxy that is away, and what is left in the end.
import { systemClock } from '../../host/clock.ts';
import { check } from '../../host/exec.ts';
import { hostOf, portsOf, serviceOf, slicesOf } from './objects.ts';
import type { PacketsInput } from './run.ts';
import type { Answer, Question } from './sockets.ts';
import { at, NODE_NAMES, type Place, type ServerPod } from './topology.ts';
import type { World } from './world.ts';

export interface Occasions {
  /** Of clients who came back after their affinity's end: how many, and how many of them got another server. */
  readonly afterAffinity: { readonly clients: number; readonly moved: number };
  /** Who answers a UDP client that keeps its port: before, and at last after its endpoint was replaced. */
  readonly udp: { readonly before: string; readonly after: string };
  /** Who answers while no proxy runs, and after one came back that had missed a change. */
  readonly away: { readonly without: string; readonly again: string };
  /** ms from a flush of all rules to an answer again. */
  readonly recoveryMs: number;
  /** Names of what `--cleanup` left. */
  readonly left: string;
}

const AFFINITY_SECONDS = 1;
/** Two and a half times the affinity: the kernel counts its seconds in ticks. */
const AFTER_AFFINITY_MS = 2500;
const [STICKY, KEPT, AWAY] = [11, 12, 13];

export async function playOccasions(world: World, { mode, program }: PacketsInput): Promise<Occasions> {
  return {
    afterAffinity: await affinityEnds(world),
    udp: await udpClientStays(world),
    away: await proxiesAway(world),
    recoveryMs: await flushed(world, program.isUpstream),
    left: await cleanedUp(world, mode),
  };
}

/** IPv4 alone, which is enough to tell. */
async function serve(world: World, number: number, pods: readonly ServerPod[], seconds = 0): Promise<void> {
  const name = `occasion-${number}`;
  const ports = portsOf(number).map((port) => ({ ...port, port: 8000, nodePort: port.nodePort + 200 }));
  const sticky = {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } },
  } as const;
  const families = ['IPv4'] as const;
  const spec = { externalIPs: [], ...(seconds > 0 && sticky) };
  const gone = world.cluster.objects.find(({ metadata }) => metadata.name === `case-${number}`);
  if (gone) await world.cluster.delete({ kind: 'Service', name: `case-${number}` });
  await world.cluster.put(
    serviceOf({ name, number, ports, families, spec }),
    ...slicesOf({ service: name, endpoints: pods, ports, families }),
  );
}

const question = (number: number, more: Partial<Question> = {}): Question => ({
  from: 'client-1',
  transport: 'tcp',
  host: hostOf('cluster IP', number, 'IPv4'),
  port: 8000,
  timeoutMs: 1000,
  ...more,
});

async function once(world: World, asked: Question): Promise<Answer> {
  const [answer] = await world.clients.ask({ ...asked, times: 1 });
  return answer;
}

/** Asks until `pod` answers; says who did last. 10 s at most. */
async function until(world: World, asked: Question, pod: string): Promise<string> {
  let by = '';
  for (let tries = 0; tries < 100 && by !== pod; tries += 1) {
    ({ by } = await once(world, asked));
    if (by !== pod) await systemClock.sleep(50);
  }
  return by;
}

async function affinityEnds(world: World): Promise<Occasions['afterAffinity']> {
  await serve(world, STICKY, ['pod-1', 'pod-2', 'pod-3'], AFFINITY_SECONDS);
  await world.settle();
  const places: Place[] = ['client-1', 'client-2', 'node-1', 'node-2', 'pod-1', 'pod-2', 'pod-3', 'internet'];
  const transports = ['tcp', 'udp'] as const;
  const clients = places.flatMap((from) => transports.map((transport) => question(STICKY, { from, transport })));
  const servers = (): Promise<string[]> => Promise.all(clients.map(async (one) => (await once(world, one)).by));
  const first = await servers();
  await systemClock.sleep(AFTER_AFFINITY_MS);
  const second = await servers();
  return { clients: clients.length, moved: second.filter((by, at) => by !== '' && by !== first[at]).length };
}

async function udpClientStays(world: World): Promise<Occasions['udp']> {
  await serve(world, KEPT, ['pod-2']);
  await world.settle();
  const asked = question(KEPT, { transport: 'udp', localPort: 40_000 });
  const { by: before } = await once(world, asked);
  await serve(world, KEPT, ['pod-3']);
  await world.settle();
  return { before, after: await until(world, asked, 'pod-3') };
}

async function proxiesAway(world: World): Promise<Occasions['away']> {
  await serve(world, AWAY, ['pod-1']);
  await world.settle();
  for (const proxy of world.proxies) await proxy.stop();
  const { by: without } = await once(world, question(AWAY));
  await serve(world, AWAY, ['pod-3']);
  for (const proxy of world.proxies) proxy.start({});
  await world.settle();
  return { without, again: (await once(world, question(AWAY))).by };
}

/** Upstream looks for a flush every 30 s, and in nftables mode for none. */
async function flushed(world: World, isUpstream: boolean): Promise<number> {
  if (isUpstream) return 0;
  const began = Date.now();
  await check(at('node-1', 'nft', 'flush', 'ruleset'));
  const by = await until(world, question(AWAY, { timeoutMs: 100 }), 'pod-3');
  return by === 'pod-3' ? Date.now() - began : Number.POSITIVE_INFINITY;
}

async function cleanedUp(world: World, mode: PacketsInput['mode']): Promise<string> {
  for (const proxy of world.proxies) {
    await proxy.stop('SIGKILL');
    await proxy.cleanup();
  }
  const list = mode === 'iptables' ? ['iptables-save'] : ['nft', 'list', 'ruleset'];
  const texts = await Promise.all(NODE_NAMES.map((node) => check(at(node, ...list))));
  return texts.flatMap((text) => text.match(/KUBE-[\w-]+|vitrine-proxy|kube-proxy/g) ?? []).join(' ');
}
