// The network that packets cross in these tests, addressed as a lab's, with IPv6 beside IPv4: two nodes and an outside client around a
// router, and on each node a client pod and server pods that hang on its bridge as the node agent would hang them.
// Built inside the namespaces of the script that asks for it, and gone with it.
import { check } from '../../host/exec.ts';
import { setSysctls } from '../../host/links.ts';
import { addNetns, inNetns, netnsPath } from '../../host/netns.ts';
import type { IPFamily } from '../../proxy/plan.ts';

export type Addresses = Readonly<Record<IPFamily, string>>;

export const FAMILIES: readonly IPFamily[] = ['IPv4', 'IPv6'];
export const ALL_PODS = ['pod-1', 'pod-2', 'pod-3'] as const;

export type NodeName = 'node-1' | 'node-2';
export type ServerPod = (typeof ALL_PODS)[number];
export type PodName = ServerPod | 'client-1' | 'client-2';
export type Place = NodeName | PodName | 'internet';

export interface NodeSite {
  readonly ip: Addresses;
  /** Of the bridge: the pods' gateway, and what a masqueraded client looks like to them. */
  readonly gateway: Addresses;
  readonly podCIDR: Addresses;
  /** On a link of its own: an address of the node that its Node object does not name. */
  readonly second: Addresses;
  readonly zone: string;
}

export const NODES: Readonly<Record<NodeName, NodeSite>> = { 'node-1': nodeSite(1), 'node-2': nodeSite(2) };
export const NODE_NAMES = Object.keys(NODES) as NodeName[];

export const PODS: Readonly<Record<PodName, { readonly node: NodeName; readonly ip: Addresses }>> = {
  'client-1': pod(1, 100),
  'client-2': pod(2, 100),
  'pod-1': pod(1, 11),
  'pod-2': pod(1, 12),
  'pod-3': pod(2, 13),
};

export const INTERNET: Addresses = { IPv4: '203.0.113.100', IPv6: '2001:db8:113::100' };
export const CLUSTER_CIDRS = '10.244.0.0/16,fd00:10:244::/56';
/** Where the script itself, and with it the API server, stands on the nodes' network. */
export const API_IP = '192.168.1.2';

/** Of the router, on the nodes' network and on the outside client's. */
const ROUTER: Addresses = { IPv4: '192.168.1.1', IPv6: 'fd00:192:168:1::1' };
const OUTSIDE: Addresses = { IPv4: '203.0.113.1', IPv6: '2001:db8:113::1' };
const WIRE = 'wire';
/** A namespace on the nodes' network with nothing in it: where a proxy finds a kernel that knows of no Service. */
export const SCRATCH = 'scratch';
const SCRATCH_IP: Addresses = { IPv4: '192.168.1.50', IPv6: 'fd00:192:168:1::50' };

/** What the router sends to which node, whoever has the addresses there. */
const ROUTES: Readonly<Record<NodeName, readonly string[]>> = {
  'node-1': [
    '10.96.0.0/16',
    '52.1.2.0/24',
    '198.51.100.0/24',
    'fd00:10:96::/112',
    '2001:db8:52:2::/64',
    '2001:db8:198:100::/64',
  ],
  'node-2': ['52.1.3.0/24', '198.51.101.0/24', '2001:db8:52:3::/64', '2001:db8:198:101::/64'],
};

function nodeSite(n: number): NodeSite {
  return {
    ip: { IPv4: `192.168.1.${9 + n}`, IPv6: `fd00:192:168:1::${9 + n}` },
    gateway: { IPv4: `10.244.${n}.1`, IPv6: `fd00:10:244:${n}::1` },
    podCIDR: { IPv4: `10.244.${n}.0/24`, IPv6: `fd00:10:244:${n}::/64` },
    second: { IPv4: `192.168.2.${n}`, IPv6: `fd00:192:168:2::${n}` },
    zone: `zone-${n}`,
  };
}

function pod(n: number, host: number): { node: NodeName; ip: Addresses } {
  return { node: `node-${n}` as NodeName, ip: { IPv4: `10.244.${n}.${host}`, IPv6: `fd00:10:244:${n}::${host}` } };
}

/** Whose address it is in the network's own words. */
export function addressOf(place: Place): Addresses {
  if (place === 'internet') return INTERNET;
  return place in NODES ? NODES[place as NodeName].ip : PODS[place as PodName].ip;
}

/** The node a place stands on; the outside client stands on none. */
export function nodeOf(place: Place): NodeName | undefined {
  if (place === 'internet') return undefined;
  return place in NODES ? (place as NodeName) : PODS[place as PodName].node;
}

/** `argv`, run in the network namespace of a place. */
export function at(place: string, ...argv: string[]): string[] {
  return inNetns(netnsPath(place), argv);
}

// A neighbour's "there is a shorter way" would lead packets past the node's connection tracking. Nobody else has our addresses: a
// link-local one that is still being checked asks for no neighbour, and the first packets of a fast machine would wait for it.
const HOST = {
  'net/ipv6/conf/all/accept_dad': 0,
  'net/ipv6/conf/default/accept_dad': 0,
  'net/ipv6/conf/all/disable_ipv6': 0,
  'net/ipv6/conf/default/disable_ipv6': 0,
  'net/ipv6/conf/all/accept_redirects': 0,
  'net/ipv6/conf/default/accept_redirects': 0,
  'net/ipv4/conf/all/send_redirects': 0,
  'net/ipv4/conf/default/send_redirects': 0,
};
// Replies may come back by another link than the kernel would choose; refusals must not wait for their turn.
const FORWARDER = {
  ...HOST,
  'net/ipv4/ip_forward': 1,
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv4/conf/default/rp_filter': 0,
  'net/ipv4/icmp_ratelimit': 0,
  'net/ipv6/conf/all/forwarding': 1,
  'net/ipv6/icmp/ratelimit': 0,
};

export async function buildTopology(): Promise<void> {
  const hosts = [...Object.keys(PODS), 'internet'];
  const forwarders = [WIRE, SCRATCH, ...NODE_NAMES];
  await addNetns([...hosts, ...forwarders]);
  await Promise.all([
    ...forwarders.map((place) => setSysctls(FORWARDER, netnsPath(place))),
    ...hosts.map((place) => setSysctls(HOST, netnsPath(place))),
  ]);
  await ip([
    `link add api type veth peer name api netns ${WIRE}`,
    `address add ${API_IP}/24 dev api`,
    'link set api up',
  ]);
  await ip(wireLinks(), WIRE);
  await ip(outsideLines(), 'internet');
  await ip(uplinkLines(SCRATCH_IP), SCRATCH);
  for (const node of NODE_NAMES) await ip(nodeLines(node), node);
  await ip(wireRoutes(), WIRE);
  await Promise.all(Object.keys(PODS).map((name) => ip(podLines(name as PodName), name)));
}

/** Runs lines of `ip -batch` in a namespace; absent: this process's own. Stops at the first that fails. */
async function ip(lines: readonly string[], netns?: string): Promise<void> {
  const argv = ['ip', '-batch', '-'];
  await check(netns ? at(netns, ...argv) : argv, { input: `${lines.join('\n')}\n` });
}

const family = (address: string): IPFamily => (address.includes(':') ? 'IPv6' : 'IPv4');

function wireLinks(): string[] {
  return [
    'link set lo up',
    'link add wire0 address 02:00:00:00:00:01 type bridge',
    'link set wire0 up',
    `address add ${ROUTER.IPv4}/24 dev wire0`,
    `address add ${ROUTER.IPv6}/64 dev wire0 nodad`,
    'link set api master wire0 up',
    'link add outside type veth peer name eth0 netns internet',
    'link set outside up',
    `address add ${OUTSIDE.IPv4}/24 dev outside`,
    `address add ${OUTSIDE.IPv6}/64 dev outside nodad`,
    ...[...NODE_NAMES, SCRATCH].flatMap((place) => [
      `link add ${place} type veth peer name eth0 netns ${place}`,
      `link set ${place} master wire0 up`,
    ]),
  ];
}

function wireRoutes(): string[] {
  return NODE_NAMES.flatMap((node) => {
    const { podCIDR, second } = NODES[node];
    const all = [...ROUTES[node], ...FAMILIES.flatMap((one) => [podCIDR[one], second[one]])];
    return all.map((to) => `route add ${to} via ${NODES[node].ip[family(to)]}`);
  });
}

/** Of whoever stands on the nodes' network. */
function uplinkLines(own: Addresses): string[] {
  return [
    'link set lo up',
    'link set eth0 up',
    `address add ${own.IPv4}/24 dev eth0`,
    `address add ${own.IPv6}/64 dev eth0 nodad`,
    ...FAMILIES.map((one) => `route add default via ${ROUTER[one]}`),
  ];
}

function outsideLines(): string[] {
  return [
    'link set lo up',
    'link set eth0 up',
    `address add ${INTERNET.IPv4}/24 dev eth0`,
    `address add ${INTERNET.IPv6}/64 dev eth0 nodad`,
    ...FAMILIES.map((one) => `route add default via ${OUTSIDE[one]}`),
  ];
}

function nodeLines(node: NodeName): string[] {
  const site = NODES[node];
  const [other] = NODE_NAMES.filter((one) => one !== node);
  const pods = (Object.keys(PODS) as PodName[]).filter((name) => PODS[name].node === node);
  return [
    ...uplinkLines(site.ip),
    'link add second0 type veth peer name second0-far',
    'link set second0 up',
    'link set second0-far up',
    `address add ${site.second.IPv4}/32 dev second0`,
    `address add ${site.second.IPv6}/128 dev second0 nodad`,
    `link add cni0 address 0a:58:0a:f4:00:0${node.at(-1)} type bridge`,
    'link set cni0 up',
    `address add ${site.gateway.IPv4}/24 dev cni0`,
    `address add ${site.gateway.IPv6}/64 dev cni0 nodad`,
    ...FAMILIES.map((one) => `route add ${NODES[other].podCIDR[one]} via ${NODES[other].ip[one]}`),
    ...pods.flatMap((name) => [
      `link add v-${name} type veth peer name eth0 netns ${name}`,
      `link set v-${name} master cni0 up`,
      `link set v-${name} type bridge_slave hairpin on`,
    ]),
  ];
}

/** As the node agent does it: a pod sends everything through its node, its neighbours' packets included. */
function podLines(name: PodName): string[] {
  const { ip: own, node } = PODS[name];
  const { gateway } = NODES[node];
  return [
    'link set lo up',
    'link set eth0 up',
    `address add ${own.IPv4}/32 dev eth0`,
    `address add ${own.IPv6}/128 dev eth0 nodad`,
    ...FAMILIES.flatMap((one) => [
      `route add ${gateway[one]} dev eth0`,
      `route add default via ${gateway[one]} dev eth0`,
    ]),
  ];
}
