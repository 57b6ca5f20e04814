// The lab's network: a gateway namespace (`wire`) with the bridge all nodes hang on, the nodes, the cloud's load balancer
// (`balancer`) that everything between the gateway and the outside crosses, and the outside client (`internet`). There is no way
// out to the machine's own network.
import { check, type Exec } from '../host/exec.ts';
import { applyLinks, type LinkChange, setSysctls } from '../host/links.ts';
import { addNetns, inNetns, netnsPath } from '../host/netns.ts';
import { type Addresses, addressesOf, type IPFamilies } from './addresses.ts';

export const WIRE = 'wire';
export const BALANCER = 'balancer';
export const INTERNET = 'internet';

/** As many nodes as a lab may have: 192.168.1.10 … .29. */
export const MAX_NODES = 20;

/** A node's index counts from 1; all that is said of a node follows from it. */
export const nodeName = (index: number): string => `node-${index}`;
/** The indexes of a lab that starts with so many nodes. */
export const firstNodes = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** A name in /run/netns, and what is changed inside it. */
export interface Site {
  readonly netns: string;
  readonly links: readonly LinkChange[];
  readonly sysctls: Readonly<Record<string, number>>;
}

/** The gateway comes first, then the balancer: the links of all others are born in them. */
export function planNetwork(nodes: readonly number[], families: IPFamilies = 'ipv4'): [Site, Site, ...Site[]] {
  const all = addressesOf(families);
  const sysctls = routing(all);
  const planned = nodes.map((index) => planNode(index, families));
  const uplinks = planned.flatMap(({ uplink }) => uplink);
  return [
    { netns: WIRE, links: [...gatewayLinks(all), ...uplinks], sysctls },
    { netns: BALANCER, links: balancerLinks(all), sysctls },
    { netns: INTERNET, links: internetLinks(all), sysctls: {} },
    ...planned.map(({ site }) => site),
  ];
}

/** A node, and what the gateway needs for it. */
export function planNode(index: number, families: IPFamilies = 'ipv4'): { site: Site; uplink: LinkChange[] } {
  const name = nodeName(index);
  const all = addressesOf(families);
  const places = all.map(({ node, nodes, gateway, anywhere }) => {
    return { address: within(node(index), nodes), gateway, anywhere };
  });
  return {
    site: { netns: name, links: hostLinks(places), sysctls: routing(all) },
    uplink: [
      { op: 'add-veth', name, peer: 'eth0', peerNetns: name },
      { op: 'set-master', name, master: 'wire0' },
      { op: 'up', name },
    ],
  };
}

const routing = (all: readonly Addresses[]): Site['sysctls'] =>
  Object.assign({}, ...all.map(({ routing }) => routing)) as Site['sysctls'];

/** The address with the prefix length of its network. */
const within = (address: string, network: string): string => `${address}/${network.split('/')[1]}`;
const bare = (cidr: string): string => cidr.split('/')[0];

const addAddress =
  (name: string) =>
  (address: string): LinkChange => ({ op: 'add-address', name, address });

function gatewayLinks(all: readonly Addresses[]): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'add-bridge', name: 'wire0' },
    ...all.map(({ gateway, nodes }) => within(gateway, nodes)).map(addAddress('wire0')),
    { op: 'up', name: 'wire0' },
    { op: 'add-veth', name: BALANCER, peer: 'eth0', peerNetns: BALANCER },
    ...all.map(({ wireEdge }) => wireEdge).map(addAddress(BALANCER)),
    { op: 'up', name: BALANCER },
    ...all.flatMap(({ outside, loadBalancers, balancerEdge }) =>
      [outside, loadBalancers].map((to): LinkChange => ({ op: 'add-route', to, via: bare(balancerEdge) })),
    ),
  ];
}

/** All of its Services' addresses are its own, so that it refuses what it does not balance. */
function balancerLinks(all: readonly Addresses[]): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    ...all.map(({ loadBalancers: to }): LinkChange => ({ op: 'add-route', to, dev: 'lo', type: 'local' })),
    ...all.map(({ balancerEdge }) => balancerEdge).map(addAddress('eth0')),
    { op: 'up', name: 'eth0' },
    ...all.map(({ nodes, wireEdge }): LinkChange => ({ op: 'add-route', to: nodes, via: bare(wireEdge) })),
    { op: 'add-veth', name: INTERNET, peer: 'eth0', peerNetns: INTERNET },
    ...all.map(({ internetGateway, outside }) => within(internetGateway, outside)).map(addAddress(INTERNET)),
    { op: 'up', name: INTERNET },
  ];
}

const internetLinks = (all: readonly Addresses[]): LinkChange[] =>
  hostLinks(
    all.map(({ internet, outside, internetGateway, anywhere }) => {
      return { address: within(internet, outside), gateway: internetGateway, anywhere };
    }),
  );

interface Host {
  /** With its prefix length. */
  readonly address: string;
  readonly gateway: string;
  readonly anywhere: string;
}

/** `places`: one of each family. */
function hostLinks(places: readonly Host[]): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    ...places.map(({ address }) => address).map(addAddress('eth0')),
    { op: 'up', name: 'eth0' },
    ...places.map(({ gateway, anywhere }): LinkChange => ({ op: 'add-route', to: anywhere, via: gateway })),
  ];
}

/**
 * The API server reaches pods too, as one that runs on a node would: from the gateway's own address there is a route to them.
 * For all others that come by, the internet first of all, there is none.
 */
async function leadToPods({ gateway, node, podCIDR }: Addresses): Promise<void> {
  const TABLE = 100;
  const routes = firstNodes(MAX_NODES).map(
    (index) => `route replace ${podCIDR(index)} via ${node(index)} table ${TABLE}\n`,
  );
  const family = gateway.includes(':') ? '-6' : '-4';
  const argv = inNetns(netnsPath(WIRE), ['ip', family, '-batch', '-']);
  await check(argv, { input: `rule add from ${gateway} lookup ${TABLE}\n${routes.join('')}` });
}

/** Builds the network in /run/netns of the caller's mount namespace. Rejects with ExecError when the kernel refuses a part. */
export async function buildNetwork(nodes: readonly number[], families: IPFamilies): Promise<void> {
  const [gateway, balancer, ...others] = planNetwork(nodes, families);
  await makeNamespaces([gateway, balancer, ...others]);
  await applyLinks(gateway.links, { netns: netnsPath(gateway.netns) });
  await applyLinks(balancer.links, { netns: netnsPath(balancer.netns) });
  await Promise.all(addressesOf(families).map(leadToPods));
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
