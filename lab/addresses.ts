// Who has which address in a lab, in each address family: in IPv4 as the tutorial draws them, in IPv6 spelt alike.

/** What nodes, pods and Services have addresses of; `dual`: of both, IPv4 first. */
export type IPFamilies = 'ipv4' | 'ipv6' | 'dual';

export interface Addresses {
  /** The nodes' network. */
  readonly nodes: string;
  /** In it, of the gateway's bridge: the nodes' way out, where the API server is reached too. */
  readonly gateway: string;
  /** Where the load balancer's clients are. */
  readonly outside: string;
  readonly internetGateway: string;
  readonly internet: string;
  /** Both ends of the link between the gateway and the balancer, with their prefix length. */
  readonly wireEdge: string;
  readonly balancerEdge: string;
  /** Of Services of type LoadBalancer. */
  readonly loadBalancers: string;
  /** All pods' addresses; each node has a share of them. */
  readonly pods: string;
  /** Cluster IPs of Services. */
  readonly services: string;
  /** Of the Service `kube-dns`: the nameserver in every pod's resolv.conf. */
  readonly clusterDNS: string;
  /** A route to all there is, and an address to listen at all there are. */
  readonly anywhere: string;
  readonly unspecified: string;
  /** What makes a network namespace a router of the family. */
  readonly routing: Readonly<Record<string, number>>;
  /** A node's index counts from 1. */
  node(index: number): string;
  /** As the node IPAM controller shares them out: by the number in the node's name. */
  podCIDR(index: number): string;
}

export const IPV4: Addresses = {
  nodes: '192.168.1.0/24',
  gateway: '192.168.1.1',
  outside: '203.0.113.0/24',
  internetGateway: '203.0.113.1',
  internet: '203.0.113.100',
  wireEdge: '198.51.100.1/30',
  balancerEdge: '198.51.100.2/30',
  loadBalancers: '52.1.2.0/24',
  pods: '10.244.0.0/16',
  services: '10.96.0.0/16',
  clusterDNS: '10.96.0.10',
  anywhere: 'default',
  unspecified: '0.0.0.0',
  routing: {
    'net/ipv4/ip_forward': 1,
    // Replies of a Service may come back by another link than the kernel would choose; a strict filter would drop them.
    'net/ipv4/conf/all/rp_filter': 0,
    'net/ipv4/conf/default/rp_filter': 0,
    // The kernel answers a peer with one ICMP error a second; a Service without endpoints must refuse every connection at once.
    'net/ipv4/icmp_ratelimit': 0,
  },
  node: (index) => `192.168.1.${9 + index}`,
  podCIDR: (index) => `10.244.${index}.0/24`,
};

export const IPV6: Addresses = {
  nodes: 'fd00:192:168:1::/64',
  gateway: 'fd00:192:168:1::1',
  outside: '2001:db8:203:113::/64',
  internetGateway: '2001:db8:203:113::1',
  internet: '2001:db8:203:113::100',
  wireEdge: 'fd00:198:51:100::1/64',
  balancerEdge: 'fd00:198:51:100::2/64',
  loadBalancers: '2001:db8:52:1:2::/112',
  pods: 'fd00:10:244::/56',
  services: 'fd00:10:96::/112',
  clusterDNS: 'fd00:10:96::10',
  anywhere: '::/0',
  unspecified: '::',
  routing: {
    'net/ipv6/conf/all/forwarding': 1,
    'net/ipv6/conf/default/forwarding': 1,
    'net/ipv6/icmp/ratelimit': 0, // as of IPv4
  },
  // `fd00:192:168:1::10` is `node-1`
  node: (index) => `fd00:192:168:1::${9 + index}`,
  podCIDR: (index) => `fd00:10:244:${index.toString(16)}::/64`,
};

const PLANS = { ipv4: [IPV4], ipv6: [IPV6], dual: [IPV4, IPV6] } as const;

/** The primary family's come first. */
export const addressesOf = (families: IPFamilies): readonly [Addresses, ...Addresses[]] => PLANS[families];
