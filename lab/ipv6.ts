// The lab's second address family: what each place has besides its IPv4 address, and the links' changes that give it that.
import type { LinkChange } from '../host/links.ts';

const GATEWAY = 'fd00:192:168:1::1';
export const INTERNET_IPV6 = '2001:db8:203:113::100';
const INTERNET_GATEWAY = '2001:db8:203:113::1';
const OUTSIDE = '2001:db8:203:113::/64';
const NODES = 'fd00:192:168:1::/64';
/** Between the gateway and the balancer. */
const [WIRE_EDGE, BALANCER_EDGE] = ['fd00:198:51:100::1', 'fd00:198:51:100::2'];

/** All pods' addresses; each node's share of them is a /64. */
export const CLUSTER_CIDR_IPV6 = 'fd00:10:244::/56';
export const SERVICE_CIDR_IPV6 = 'fd00:10:96::/112';

/** Spelt like the IPv4 one: `fd00:192:168:1::10` is `node-1`. */
export const nodeIPv6 = (index: number): string => `fd00:192:168:1::${9 + index}`;
const podCIDR = (index: number): string => `fd00:10:244:${index.toString(16)}::/64`;

export const ROUTER_IPV6 = {
  'net/ipv6/conf/all/forwarding': 1,
  'net/ipv6/conf/default/forwarding': 1,
  // As of IPv4: a Service without endpoints must refuse every connection at once.
  'net/ipv6/icmp/ratelimit': 0,
};

const address = (name: string, text: string): LinkChange => ({ op: 'add-address', name, address: text });
const route = (to: string, via: string): LinkChange => ({ op: 'add-route', to, via });

export const gatewayLinks = (): LinkChange[] => [
  address('wire0', `${GATEWAY}/64`),
  address('balancer', `${WIRE_EDGE}/64`),
  route(OUTSIDE, BALANCER_EDGE),
];

export const balancerLinks = (): LinkChange[] => [
  address('eth0', `${BALANCER_EDGE}/64`),
  route(NODES, WIRE_EDGE),
  address('internet', `${INTERNET_GATEWAY}/64`),
];

export const internetLinks = (): LinkChange[] => hostLinks(INTERNET_IPV6, INTERNET_GATEWAY);
export const nodeLinks = (index: number): LinkChange[] => hostLinks(nodeIPv6(index), GATEWAY);

function hostLinks(own: string, gateway: string): LinkChange[] {
  return [address('eth0', `${own}/64`), route('::/0', gateway)];
}

/** For the API server, as of IPv4: the text for `ip -6 -batch`. */
export function podRoutes(indexes: readonly number[], table: number): string {
  const routes = indexes.map((i) => `route replace ${podCIDR(i)} via ${nodeIPv6(i)} table ${table}\n`);
  return `rule add from ${GATEWAY} lookup ${table}\n${routes.join('')}`;
}
