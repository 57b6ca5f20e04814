// The lab's network: a gateway namespace (`wire`) with the bridge all nodes hang on, the nodes, and the outside client
// (`internet`). There is no way out to the machine's own network.
import { check, type Exec } from '../host/exec.ts';
import { applyLinks, type LinkChange, setSysctls } from '../host/links.ts';
import { addNetns, netnsPath } from '../host/netns.ts';

export const WIRE = 'wire';
export const INTERNET = 'internet';
/** Of the bridge in `wire`: the nodes' default gateway, where the API server is reached too. */
export const GATEWAY_IP = '192.168.1.1';
export const INTERNET_IP = '203.0.113.100';
const INTERNET_GATEWAY_IP = '203.0.113.1';

/** All pods' addresses; each node's share of them is a /24. */
export const CLUSTER_CIDR = '10.244.0.0/16';

/** 192.168.1.10 … .99: what fits between the gateway's and later uses' addresses. */
export const MAX_NODES = 90;

export const nodeName = (index: number): string => `node-${index}`;
/** `index` counts from 1. */
export const nodeIP = (index: number): string => `192.168.1.${9 + index}`;
/** As the node IPAM controller shares them out: by the number in the node's name. */
export const podCIDR = (index: number): string => `10.244.${index}.0/24`;
export const nodeNames = (nodes: number): string[] => Array.from({ length: nodes }, (_, i) => nodeName(i + 1));

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

/** The gateway comes first: the links of all others are born in it. */
export function planNetwork(nodes: number): [Site, ...Site[]] {
  const names = nodeNames(nodes);
  return [
    { netns: WIRE, links: gatewayLinks(names), sysctls: ROUTER },
    { netns: INTERNET, links: hostLinks(`${INTERNET_IP}/24`, INTERNET_GATEWAY_IP), sysctls: {} },
    ...names.map((netns, i) => ({ netns, links: hostLinks(`${nodeIP(i + 1)}/24`, GATEWAY_IP), sysctls: ROUTER })),
  ];
}

function gatewayLinks(nodes: readonly string[]): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'add-bridge', name: 'wire0' },
    { op: 'add-address', name: 'wire0', address: `${GATEWAY_IP}/24` },
    { op: 'up', name: 'wire0' },
    { op: 'add-veth', name: INTERNET, peer: 'eth0', peerNetns: INTERNET },
    { op: 'add-address', name: INTERNET, address: `${INTERNET_GATEWAY_IP}/24` },
    { op: 'up', name: INTERNET },
    ...nodes.flatMap((name): LinkChange[] => [
      { op: 'add-veth', name, peer: 'eth0', peerNetns: name },
      { op: 'set-master', name, master: 'wire0' },
      { op: 'up', name },
    ]),
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

/** Builds the network in /run/netns of the caller's mount namespace. Rejects with ExecError when the kernel refuses a part. */
export async function buildNetwork(nodes: number): Promise<void> {
  const [gateway, ...others] = planNetwork(nodes);
  await addNetns(
    [gateway, ...others].map(({ netns }) => netns),
    inSpareNetns,
  );
  // Before any link is born: links copy `default`, and the stricter of `all` and a link's own rp_filter counts.
  await Promise.all([gateway, ...others].map(({ netns, sysctls }) => setSysctls(sysctls, netnsPath(netns))));
  await applyLinks(gateway.links, { netns: netnsPath(gateway.netns) });
  await Promise.all(others.map(({ netns, links }) => applyLinks(links, { netns: netnsPath(netns) })));
}

/** `ip netns add` goes back to where it came from, which the machine's own namespace does not allow to the lab. */
const inSpareNetns: Exec = (argv, options) => check(['unshare', '--net', '--', ...argv], options);
