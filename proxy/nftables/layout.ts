// The flat layout: rules that never change, one chain per endpoint count, and maps whose elements are all that a change of a
// Service touches. 10,000 services differ from one only in the size of the maps.
//
//   services:       ip daddr . proto . port          -> verdict map service-ips        -> goto endpoints-3
//                   node's ip, then proto . port     -> verdict map service-nodeports  -> goto external-nodeport-endpoints-3
//   endpoints-3:    dnat to ip daddr . proto . port . (random 0..2) map @endpoints-3
//   external-…:     mark for masquerade, then the same
//   local-2-1:      policy Local: pods and this node use all 2 endpoints (short-2), others the 1 local one (endpoints-1)
import type { NftFamily, NftTransaction } from '../../host/nft.ts';
import type { DetectLocal, IPFamily, NodeFacts } from '../plan.ts';

export const TABLE = 'vitrine-proxy';

export const nftFamily = (family: IPFamily): NftFamily => (family === 'IPv4' ? 'ip' : 'ip6');

const addressType = (family: IPFamily): string => (family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr');

/** Base chains, with what they are hooked to. */
const BASE_CHAINS = [
  ['filter-prerouting-pre-dnat', { type: 'filter', hook: 'prerouting', priority: 'dstnat - 10' }],
  ['filter-output-pre-dnat', { type: 'filter', hook: 'output', priority: '-110' }],
  ['filter-input', { type: 'filter', hook: 'input', priority: 'filter' }],
  ['filter-forward', { type: 'filter', hook: 'forward', priority: 'filter' }],
  ['filter-output', { type: 'filter', hook: 'output', priority: 'filter' }],
  ['nat-prerouting', { type: 'nat', hook: 'prerouting', priority: 'dstnat' }],
  ['nat-output', { type: 'nat', hook: 'output', priority: '-100' }],
  ['nat-postrouting', { type: 'nat', hook: 'postrouting', priority: 'srcnat' }],
] as const;

const PLAIN_CHAINS = [
  'firewall-check',
  'nodeport-endpoints-check',
  'service-endpoints-check',
  'cluster-ips-check',
  'services',
  'masquerading',
  'mark-masquerade',
  'reject-chain',
] as const;

export const FIXED_CHAINS: readonly string[] = [...BASE_CHAINS.map(([name]) => name), ...PLAIN_CHAINS];

export interface FixedSet {
  readonly kind: 'set' | 'map';
  readonly definition: readonly string[];
}

/** Sets and maps that are always there: name → kind and definition. */
export function fixedSets(family: IPFamily): Map<string, FixedSet> {
  const ip = addressType(family);
  const byAddress = `type ${ip} . inet_proto . inet_service : verdict`;
  const byPort = 'type inet_proto . inet_service : verdict';
  const map = (type: string): FixedSet => ({ kind: 'map', definition: [type] });
  return new Map<string, FixedSet>([
    ['cluster-ips', { kind: 'set', definition: [`type ${ip}`] }],
    ['nodeport-ips', { kind: 'set', definition: [`type ${ip}`] }],
    ['hairpin', { kind: 'set', definition: [`type ${ip} . ${ip}`] }],
    ['service-ips', map(byAddress)],
    ['service-nodeports', map(byPort)],
    ['no-endpoint-services', map(byAddress)],
    ['no-endpoint-nodeports', map(byPort)],
    ['firewall-ips', map(byAddress)],
  ]);
}

/** Makes sure that the fixed chains exist; their rules are `fixedRules`. */
export function addFixedChains(tx: NftTransaction): void {
  for (const [name, hook] of BASE_CHAINS) tx.addChain(name, hook);
  for (const name of PLAIN_CHAINS) tx.addChain(name);
}

/** chain → its rules, which never depend on services. */
export function fixedRules(family: IPFamily, node: NodeFacts): Map<string, readonly string[]> {
  const ip = nftFamily(family);
  const mark = `0x${(2 ** node.masqueradeBit).toString(16).padStart(8, '0')}`;
  const byAddress = `${ip} daddr . meta l4proto . th dport vmap`;
  const outsiders = node.masqueradeAll ? '' : notLocal(family, node.detectLocal);
  const loopback = family === 'IPv4' ? '127.0.0.0/8' : '::1';
  const nodePorts =
    node.nodePortIPs === 'all' ? `fib daddr type local ${ip} daddr != ${loopback}` : `${ip} daddr @nodeport-ips`;
  const isNew = (chain: string): string => `ct state new jump ${chain}`;
  const rules: [string, ...string[]][] = [
    ['filter-prerouting-pre-dnat', isNew('firewall-check')],
    ['filter-output-pre-dnat', isNew('firewall-check')],
    ['filter-input', isNew('nodeport-endpoints-check'), isNew('service-endpoints-check')],
    ['filter-forward', isNew('service-endpoints-check'), isNew('cluster-ips-check')],
    ['filter-output', isNew('service-endpoints-check'), isNew('cluster-ips-check')],
    ['nat-prerouting', 'jump services'],
    ['nat-output', 'jump services'],
    ['nat-postrouting', 'jump masquerading'],
    ['firewall-check', `${byAddress} @firewall-ips`],
    ['nodeport-endpoints-check', `${nodePorts} meta l4proto . th dport vmap @no-endpoint-nodeports`],
    ['service-endpoints-check', `${byAddress} @no-endpoint-services`],
    ['cluster-ips-check', `${ip} daddr @cluster-ips reject`],
    [
      'services',
      ...(outsiders === undefined ? [] : [`${ip} daddr @cluster-ips ${outsiders} jump mark-masquerade`]),
      `${byAddress} @service-ips`,
      `${nodePorts} meta l4proto . th dport vmap @service-nodeports`,
    ],
    [
      'masquerading',
      `meta mark & ${mark} != 0x00000000 meta mark set meta mark ^ ${mark} masquerade fully-random`,
      `ct status dnat ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`,
    ],
    ['mark-masquerade', `meta mark set meta mark | ${mark}`],
    ['reject-chain', 'reject'],
  ];
  return new Map(rules.map(([chain, ...texts]) => [chain, texts]));
}

/** What tells traffic that does not come from a local pod; undefined when nothing does. */
export function notLocal(family: IPFamily, detect: DetectLocal): string | undefined {
  return localMatch(family, detect, '!= ');
}

/** What tells traffic of a local pod; undefined when nothing does. */
export function isLocal(family: IPFamily, detect: DetectLocal): string | undefined {
  return localMatch(family, detect, '');
}

function localMatch(family: IPFamily, detect: DetectLocal, not: string): string | undefined {
  switch (detect.mode) {
    case 'ClusterCIDR':
    case 'NodeCIDR':
      return `${nftFamily(family)} saddr ${not}${detect.cidr}`;
    case 'BridgeInterface':
      return `iifname ${not}"${detect.interfaceName}"`;
    case 'InterfaceNamePrefix':
      return `iifname ${not}"${detect.prefix}*"`;
    case 'None':
      return undefined;
  }
}

/** How a packet finds its endpoints: by the address it was sent to, or by its port when that was a node's address. */
export type Way = 'ip' | 'nodeport';
/** Which list: a frontend of policy Local has two, its own and the short cut of the cluster's own traffic. */
export type List = 'endpoints' | 'short';

/** The chain, and the map of the same name, that spreads over `count` endpoints. */
export function spreadName(way: Way, list: List, count: number): string {
  return `${way === 'nodeport' ? 'nodeport-' : ''}${list}-${count}`;
}

/** A chain, and perhaps the map it reads, made when first needed and kept. */
export interface Group {
  readonly name: string;
  readonly rules: readonly string[];
  /** Definition of the map of the same name. */
  readonly map?: string;
  /** Groups that this one jumps to. */
  readonly needs: readonly Group[];
}

export function spreadGroup(family: IPFamily, way: Way, list: List, count: number): Group {
  const ip = nftFamily(family);
  const name = spreadName(way, list, count);
  const key = `${way === 'ip' ? `${ip} daddr . ` : ''}meta l4proto . th dport . numgen random mod ${count}`;
  return {
    name,
    rules: [`meta l4proto { tcp, udp, sctp } dnat ${ip} to ${key} map @${name}`],
    map: `typeof ${key} : ${ip} daddr . th dport`,
    needs: [],
  };
}

/** Traffic from outside the cluster comes back through this node only if it seems to come from it. */
export function externalGroup(target: Group): Group {
  return { name: `external-${target.name}`, rules: ['jump mark-masquerade', `goto ${target.name}`], needs: [target] };
}

/** Policy Local: the cluster's own traffic takes the short cut, the rest stays on this node. */
export function localGroup(
  name: string,
  { family, node, short, own }: { family: IPFamily; node: NodeFacts; short?: Group; own?: Group },
): Group {
  const pods = isLocal(family, node.detectLocal);
  const rules = [
    ...(short && pods ? [`${pods} goto ${short.name}`] : []),
    ...(short ? ['fib saddr type local jump mark-masquerade', `fib saddr type local goto ${short.name}`] : []),
    ...(own ? [`goto ${own.name}`] : []),
  ];
  return { name, rules, needs: [short, own].filter((group) => group !== undefined) };
}
