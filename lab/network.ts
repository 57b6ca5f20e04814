// The lab's network: a gateway namespace (`wire`) with the bridge all nodes hang on, the nodes, the cloud's load balancer
// (`balancer`) that everything between the gateway and the outside crosses, and the outside client (`internet`). There is no way
// out to the machine's own network.
import { check, type Exec } from '../host/exec.ts';
import { applyLinks, type LinkChange, setSysctls } from '../host/links.ts';
import { addNetns, inNetns, netnsPath } from '../host/netns.ts';
import * as ipv6 from './ipv6.ts';

export const WIRE = 'wire';
export const BALANCER = 'balancer';
export const INTERNET = 'internet';
/** Of the bridge in `wire`: the nodes' default gateway, where the API server is reached too. */
export const GATEWAY_IP = '192.168.1.1';
export const INTERNET_IP = '203.0.113.100';
const INTERNET_GATEWAY_IP = '203.0.113.1';
/** Where the balancer's clients are. */
export const OUTSIDE_CIDR = '203.0.113.0/24';
/** Addresses of Services of type LoadBalancer. */
export const LOAD_BALANCER_CIDR = '52.1.2.0/24';
/** Between the gateway and the balancer. */
const [WIRE_EDGE_IP, BALANCER_EDGE_IP] = ['198.51.100.1', '198.51.100.2'];

/** All pods' addresses; each node's share of them is a /24. */
export const CLUSTER_CIDR = '10.244.0.0/16';
/** Of the Service `kube-dns`: the nameserver in every pod's resolv.conf. */
export const CLUSTER_DNS_IP = '10.96.0.10';

/** As many nodes as a lab may have: 192.168.1.10 … .29. */
export const MAX_NODES = 20;

/** Cluster IPs of Services. */
export const SERVICE_CIDR = '10.96.0.0/16';

/** A node's index counts from 1; all that is said of a node follows from it. */
export const nodeName = (index: number): string => `node-${index}`;
export const nodeIP = (index: number): string => `192.168.1.${9 + index}`;
/** As the node IPAM controller shares them out: by the number in the node's name. */
export const podCIDR = (index: number): string => `10.244.${index}.0/24`;
/** The indexes of a lab that starts with so many nodes. */
export const firstNodes = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** A name in /run/netns, and what is changed inside it. */
export interface Site {
  readonly netns: string;
  readonly links: readonly LinkChange[];
  readonly sysctls: Readonly<Record<string, number>>;
}

const ROUTER = {
  'net/ipv4/ip_forward': 1,
  // Replies of a Service may come back by another link than the kernel would choose; a strict filter would drop them.
  'net/ipv4/conf/all/rp_filter': 0,
  'net/ipv4/conf/default/rp_filter': 0,
  // The kernel answers a peer with one ICMP error a second; a Service without endpoints must refuse every connection at once.
  'net/ipv4/icmp_ratelimit': 0,
};

/** What pods, nodes and Services have addresses of. */
export type IPFamilies = 'ipv4' | 'dual';

/** The gateway comes first, then the balancer: the links of all others are born in them. */
export function planNetwork(nodes: readonly number[], families: IPFamilies = 'ipv4'): [Site, Site, ...Site[]] {
  const isDual = families === 'dual';
  const sysctls = isDual ? { ...ROUTER, ...ipv6.ROUTER_IPV6 } : ROUTER;
  const planned = nodes.map((index) => planNode(index, families));
  const uplinks = planned.flatMap(({ uplink }) => uplink);
  const wire = { netns: WIRE, links: [...gatewayLinks(), ...(isDual ? ipv6.gatewayLinks() : []), ...uplinks], sysctls };
  const internet = {
    netns: INTERNET,
    links: [...hostLinks(`${INTERNET_IP}/24`, INTERNET_GATEWAY_IP), ...(isDual ? ipv6.internetLinks() : [])],
    sysctls: {},
  };
  const balancer = { netns: BALANCER, links: [...balancerLinks(), ...(isDual ? ipv6.balancerLinks() : [])], sysctls };
  return [wire, balancer, internet, ...planned.map(({ site }) => site)];
}

/** A node, and what the gateway needs for it. */
export function planNode(index: number, families: IPFamilies = 'ipv4'): { site: Site; uplink: LinkChange[] } {
  const name = nodeName(index);
  const isDual = families === 'dual';
  return {
    site: {
      netns: name,
      links: [...hostLinks(`${nodeIP(index)}/24`, GATEWAY_IP), ...(isDual ? ipv6.nodeLinks(index) : [])],
      sysctls: isDual ? { ...ROUTER, ...ipv6.ROUTER_IPV6 } : ROUTER,
    },
    uplink: [
      { op: 'add-veth', name, peer: 'eth0', peerNetns: name },
      { op: 'set-master', name, master: 'wire0' },
      { op: 'up', name },
    ],
  };
}

function gatewayLinks(): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'add-bridge', name: 'wire0' },
    { op: 'add-address', name: 'wire0', address: `${GATEWAY_IP}/24` },
    { op: 'up', name: 'wire0' },
    { op: 'add-veth', name: BALANCER, peer: 'eth0', peerNetns: BALANCER },
    { op: 'add-address', name: BALANCER, address: `${WIRE_EDGE_IP}/30` },
    { op: 'up', name: BALANCER },
    ...[OUTSIDE_CIDR, LOAD_BALANCER_CIDR].map((to): LinkChange => ({ op: 'add-route', to, via: BALANCER_EDGE_IP })),
  ];
}

/** All of its Services' addresses are its own, so that it refuses what it does not balance. */
function balancerLinks(): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'add-route', to: LOAD_BALANCER_CIDR, dev: 'lo', type: 'local' },
    { op: 'add-address', name: 'eth0', address: `${BALANCER_EDGE_IP}/30` },
    { op: 'up', name: 'eth0' },
    { op: 'add-route', to: `${GATEWAY_IP.replace(/\d+$/, '0')}/24`, via: WIRE_EDGE_IP },
    { op: 'add-veth', name: INTERNET, peer: 'eth0', peerNetns: INTERNET },
    { op: 'add-address', name: INTERNET, address: `${INTERNET_GATEWAY_IP}/24` },
    { op: 'up', name: INTERNET },
  ];
}

function hostLinks(address: string, gateway: string): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'add-address', name: 'eth0', address },
    { op: 'up', name: 'eth0' },
    { op: 'add-route', to: 'default', via: gateway },
  ];
}

/**
 * The API server reaches pods too, as one that runs on a node would: from the gateway's own address there is a route to them.
 * For all others that come by, the internet first of all, there is none.
 */
async function leadToPods(families: IPFamilies): Promise<void> {
  const TABLE = 100;
  const indexes = firstNodes(MAX_NODES);
  const ip = (...words: string[]): string[] => inNetns(netnsPath(WIRE), ['ip', ...words, '-batch', '-']);
  const routes = indexes.map((i) => `route replace ${podCIDR(i)} via ${nodeIP(i)} table ${TABLE}\n`);
  await check(ip(), { input: `rule add from ${GATEWAY_IP} lookup ${TABLE}\n${routes.join('')}` });
  if (families === 'dual') await check(ip('-6'), { input: ipv6.podRoutes(indexes, TABLE) });
}

/** Builds the network in /run/netns of the caller's mount namespace. Rejects with ExecError when the kernel refuses a part. */
export async function buildNetwork(nodes: readonly number[], families: IPFamilies): Promise<void> {
  const [gateway, balancer, ...others] = planNetwork(nodes, families);
  await makeNamespaces([gateway, balancer, ...others]);
  await applyLinks(gateway.links, { netns: netnsPath(gateway.netns) });
  await applyLinks(balancer.links, { netns: netnsPath(balancer.netns) });
  await leadToPods(families);
  await Promise.all(others.map(({ netns, links }) => applyLinks(links, { netns: netnsPath(netns) })));
}

/** Adds one node to a network that stands. */
export async function addNode(index: number, families: IPFamilies): Promise<void> {
  const { site, uplink } = planNode(index, families);
  await makeNamespaces([site]);
  await applyLinks(uplink, { netns: netnsPath(WIRE) });
  await applyLinks(site.links, { netns: netnsPath(site.netns) });
}

/** From now on nothing reaches the node, and nothing comes from it. */
export async function unplugNode(index: number): Promise<void> {
  await applyLinks([{ op: 'delete-link', name: nodeName(index) }], { netns: netnsPath(WIRE) });
}

async function makeNamespaces(sites: readonly Site[]): Promise<void> {
  await addNetns(
    sites.map(({ netns }) => netns),
    inSpareNetns,
  );
  // Before any link is born: links copy `default`, and the stricter of `all` and a link's own rp_filter counts.
  await Promise.all(sites.map(({ netns, sysctls }) => setSysctls(sysctls, netnsPath(netns))));
}

/** `ip netns add` goes back to where it came from, which the machine's own namespace does not allow to the lab. */
const inSpareNetns: Exec = (argv, options) => check(['unshare', '--net', '--', ...argv], options);
