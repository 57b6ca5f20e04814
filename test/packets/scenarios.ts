// Real packets through one backend on two nodes: each scenario changes Services and endpoints, lets both nodes' rules follow,
// sends, and tells what came back.
import type { Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { systemClock } from '../../host/clock.ts';
import { Conntrack } from '../../host/conntrack.ts';
import { check } from '../../host/exec.ts';
import type { Backend } from '../../proxy/backend.ts';
import { EndpointSliceTracker } from '../../proxy/changes/endpoint-slices.ts';
import { ServiceTracker } from '../../proxy/changes/services.ts';
import { forgetStaleFlows } from '../../proxy/conntrack.ts';
import { PlanMaker } from '../../proxy/make-plan.ts';
import { nodeFacts, type ProxyOptions } from '../../proxy/node-facts.ts';
import type { Plan } from '../../proxy/plan.ts';
import { defaultOptions, makeBackend, type ProxyMode } from '../../proxy/proxy.ts';
import { answer } from '../network.ts';
import { type Answer, NODES, type NodeName, type Place, PODS, World } from './world.ts';

export type PodName = 'pod-1' | 'pod-2' | 'pod-3';

export interface Outcome {
  readonly answers: Readonly<Record<string, readonly Answer[]>>;
  /** Rules of each node before and after a full sync that had nothing to repair. */
  readonly stable: readonly { before: string; after: string }[];
  /** ms from someone else's flush to answers again. */
  readonly recovery: number;
  /** What is left of our rules after cleanup. */
  readonly leftovers: string;
  /** Names of rules that lead to a service port, as the rule index tells. */
  readonly traced: readonly (string | undefined)[];
}

class Cluster {
  readonly services = new ServiceTracker();
  readonly slices = new EndpointSliceTracker();
  readonly nodes: { name: NodeName; backend: Backend; maker: PlanMaker; options: ProxyOptions; plan?: Plan }[];

  constructor(world: World, mode: ProxyMode) {
    this.nodes = (Object.keys(NODES) as NodeName[]).map((name) => ({
      name,
      backend: makeBackend(mode, 'IPv4', world.in(name)),
      maker: new PlanMaker('IPv4', this.services, this.slices),
      options: { ...defaultOptions(name, mode), clusterCIDRs: ['10.244.0.0/16'] },
    }));
  }

  service(name: string, spec: Service['spec'], ingress: string[] = []): void {
    const loadBalancer = { ingress: ingress.map((ip) => ({ ip, ipMode: 'VIP' })) };
    this.services.set({ metadata: { name, namespace: 'default' }, spec, status: { loadBalancer } });
  }

  endpoints(name: string, pods: readonly PodName[], protocol: 'TCP' | 'UDP' = 'TCP'): void {
    const slice: EndpointSlice = {
      metadata: { name: `${name}-a`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: pods.map((pod) => ({
        addresses: [PODS[pod].ip],
        nodeName: PODS[pod].node,
        conditions: { ready: true },
      })),
      ports: [{ name: '', port: 8080, protocol }],
    };
    this.slices.set(slice);
  }

  async sync(how: 'incremental' | 'full' = 'incremental'): Promise<void> {
    const keys = [...this.services.take(), ...this.slices.take()];
    for (const node of this.nodes) {
      const status = { addresses: [{ type: 'InternalIP', address: NODES[node.name].ip }] };
      const facts = nodeFacts('IPv4', node.options, { metadata: { name: node.name }, status }, {});
      const { plan, changed } = node.maker.update(facts, keys);
      await node.backend.sync(plan, how === 'full' ? undefined : changed);
      node.plan = plan;
    }
  }
}

const tcp = (clusterIP: string, more: Partial<NonNullable<Service['spec']>> = {}): Service['spec'] => ({
  type: 'ClusterIP',
  clusterIP,
  clusterIPs: [clusterIP],
  ports: [{ port: 80, protocol: 'TCP' }],
  ...more,
});

const nodePort = (clusterIP: string, port: number, more: Partial<NonNullable<Service['spec']>> = {}): Service['spec'] =>
  tcp(clusterIP, { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort: port }], ...more });

async function scenarios(world: World, mode: ProxyMode): Promise<Outcome> {
  const answers: Record<string, readonly Answer[]> = {};
  const ask = async (
    name: string,
    place: Place,
    to: string,
    times = 1,
    protocol: 'tcp' | 'udp' = 'tcp',
  ): Promise<void> => {
    answers[name] = await world.ask(place, protocol, to, times);
  };
  const cluster = new Cluster(world, mode);
  const three: PodName[] = ['pod-1', 'pod-2', 'pod-3'];
  cluster.service('web', nodePort('10.96.0.20', 30080));
  cluster.endpoints('web', three);
  cluster.service('own', tcp('10.96.0.21'));
  cluster.endpoints('own', ['pod-1']);
  cluster.service('dark', nodePort('10.96.0.22', 30022));
  await cluster.sync();
  await ask('cluster IP from a pod', 'client', '10.96.0.20:80', 150);
  await ask('cluster IP from a node', 'node-2', '10.96.0.20:80', 30);
  await ask('node port of node-1', 'internet', '192.168.1.10:30080', 60);
  await ask('node port of node-2', 'internet', '192.168.1.11:30080', 60);
  await ask('pod through its own service', 'pod-1', '10.96.0.21:80', 5);
  await ask('no endpoints, from a pod', 'client', '10.96.0.22:80');
  await ask('no endpoints, from a node', 'node-1', '10.96.0.22:80');
  await ask('no endpoints, node port', 'internet', '192.168.1.10:30022');

  cluster.service('near', nodePort('10.96.0.23', 30023, { externalTrafficPolicy: 'Local' }));
  cluster.endpoints('near', ['pod-3']);
  cluster.service('inside', tcp('10.96.0.24', { internalTrafficPolicy: 'Local' }));
  cluster.endpoints('inside', three);
  cluster.service('sticky', nodePort('10.96.0.25', 30025, { sessionAffinity: 'ClientIP' }));
  cluster.endpoints('sticky', three);
  cluster.service('dns', tcp('10.96.0.26', { ports: [{ port: 53, protocol: 'UDP', nodePort: 30026 }] }));
  cluster.endpoints('dns', ['pod-2'], 'UDP');
  const fenced = {
    type: 'LoadBalancer' as const,
    loadBalancerSourceRanges: ['192.168.1.200/32'],
    externalIPs: ['203.0.113.5'],
  };
  cluster.service('fenced', tcp('10.96.0.27', fenced), ['52.1.2.3']);
  cluster.endpoints('fenced', three);
  await cluster.sync();
  await ask('policy Local, node with an endpoint', 'internet', '192.168.1.11:30023', 10);
  await ask('policy Local, node without', 'internet', '192.168.1.10:30023');
  await ask('policy Local, from a pod of a node without', 'client', '192.168.1.10:30023', 3);
  await ask('internal policy Local', 'client', '10.96.0.24:80', 40);
  await ask('affinity, cluster IP', 'client', '10.96.0.25:80', 20);
  await ask('affinity, node port', 'internet', '192.168.1.10:30025', 20);
  await ask('UDP', 'client', '10.96.0.26:53', 5, 'udp');
  await ask('UDP node port', 'internet', '192.168.1.11:30026', 5, 'udp');
  await ask('external IP', 'internet', '203.0.113.5:80', 5);
  await ask('load balancer, allowed', 'internet', '52.1.2.3:80', 5);
  await ask('load balancer, not allowed', 'client', '52.1.2.3:80');

  answers['UDP client that keeps its port'] = await world.ask('client', 'udp', '10.96.0.26:53', 1, 40000);
  cluster.endpoints('dns', ['pod-1'], 'UDP');
  await cluster.sync();
  const port = cluster.nodes[0].plan!.services.get('default/dns')!;
  await forgetStaleFlows([{ port, serving: new Set([PODS['pod-1'].ip]) }], new Conntrack(4, world.in('node-1')));
  answers['the same after its endpoint was replaced'] = await world.ask('client', 'udp', '10.96.0.26:53', 1, 40000);

  cluster.endpoints('web', ['pod-1', 'pod-3']);
  await cluster.sync();
  await ask('an endpoint less', 'client', '10.96.0.20:80', 60);
  await ask('an endpoint less, node port', 'internet', '192.168.1.11:30080', 40);
  cluster.endpoints('dark', ['pod-2']);
  await cluster.sync();
  await ask('a first endpoint', 'client', '10.96.0.22:80', 3);
  await ask('a first endpoint, node port', 'internet', '192.168.1.10:30022', 3);
  cluster.endpoints('dark', []);
  for (const name of ['own', 'sticky', 'fenced', 'near']) cluster.services.delete(`default/${name}`);
  await cluster.sync();
  await ask('its last endpoint gone', 'client', '10.96.0.22:80');
  await ask('a deleted service', 'pod-2', '10.96.0.21:80');
  await ask('a deleted service, node port', 'internet', '192.168.1.10:30025');

  const rules = async (node: NodeName): Promise<string> => {
    const text = await world.in(node)(mode === 'iptables' ? ['iptables-save'] : ['nft', 'list', 'ruleset']);
    return mode === 'iptables'
      ? text.replace(/\[\d+:\d+\]|^#.*$/gm, '')
      : addressLines(text.replace(/ expires \w+/g, ''));
  };
  const stable: { before: string; after: string }[] = [];
  for (const { name } of cluster.nodes) stable.push({ before: await rules(name), after: '' });
  await cluster.sync('full');
  for (const [at, { name }] of cluster.nodes.entries()) stable[at].after = await rules(name);
  const fresh = new Cluster(world, mode); // as after a restart: nothing remembered, the kernel's state is found
  fresh.service('web', nodePort('10.96.0.20', 30080));
  fresh.endpoints('web', ['pod-3']);
  await fresh.sync();
  await ask('after a restart', 'client', '10.96.0.20:80', 20);
  const traced = (
    mode === 'iptables'
      ? chains(await rules('node-1'))
      : ['service-ips 10.96.0.20 . tcp . 80', 'endpoints-1 10.96.0.20 . tcp . 80 . 0']
  ).map((name) => JSON.stringify(fresh.nodes[0].backend.rules.find(name)));

  const recovery = await recover(fresh.nodes[0].plan!, mode);
  for (const { backend } of fresh.nodes) await backend.cleanup();
  const left = await rules('node-1');
  return { answers, stable, recovery, traced, leftovers: left.match(/KUBE-\S*|vitrine-proxy/g)?.join(' ') ?? '' };
}

const chains = (save: string): string[] => [...save.matchAll(/^:(KUBE-(?:SVC|SEP)-\S+)/gm)].map((match) => match[1]);

/**
 * In the script's own namespace: someone flushes everything, the guard tells, and a full sync repairs. Resolves with the ms
 * from the flush to the repair, and throws when the rules are not the same again.
 */
async function recover(plan: Plan, mode: ProxyMode): Promise<number> {
  const backend = makeBackend(mode, 'IPv4');
  await backend.sync(plan);
  const rules = (): Promise<string> => check(['nft', 'list', 'ruleset']);
  const before = await rules();
  const stop = new AbortController();
  let tell = (): void => undefined;
  const guarding = backend.guard(() => tell(), stop.signal);
  const flush = async (patience: number): Promise<boolean> => {
    const lost = new Promise<boolean>((resolve) => {
      tell = () => resolve(true);
    });
    await check(['nft', 'flush', 'ruleset']);
    const isTold = await Promise.race([lost, systemClock.sleep(patience).then(() => false)]);
    await backend.sync(plan);
    return isTold;
  };
  let isListening = false;
  for (let tries = 0; tries < 50 && !isListening; tries += 1) isListening = await flush(100);
  const began = Date.now();
  const isTold = await flush(5000);
  const took = Date.now() - began;
  stop.abort();
  await guarding;
  if (!isTold) throw new Error('the guard did not tell of the flush');
  if (sameLines(before) !== sameLines(await rules())) throw new Error(`not repaired:\n${await rules()}`);
  return took;
}

/** Elements that name an address: a full sync also takes away chains and maps of endpoint counts that no service has any more. */
const addressLines = (text: string): string =>
  sameLines(text)
    .split('\n')
    .filter((line) => /\d+\.\d+\.\d+\.\d+/.test(line) && !line.includes('saddr'))
    .map((line) => line.replace(/^elements = \{ | \}$/g, ''))
    .sort()
    .join('\n');

/** Elements of sets are listed in any order, and the tables too. */
const sameLines = (text: string): string =>
  text
    .split(/[\n,]\s*/)
    .map((line) => line.trim())
    .sort()
    .join('\n');

await answer<{ mode: ProxyMode }, Outcome>(async ({ mode }) => {
  const world = new World();
  try {
    await world.build();
    return await scenarios(world, mode);
  } finally {
    world.stop();
  }
});
