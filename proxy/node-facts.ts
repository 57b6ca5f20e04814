// What the proxy knows of its own node, from its options, the Node object and the node's interfaces.
import type { NetworkInterfaceInfo } from 'node:os';
import { familyOf } from '../api/ip.ts';
import type { Node } from '../api/types/core.v1.ts';
import { canonicalCIDR, canonicalIP, liesIn } from './addresses.ts';
import type { DetectLocal, IPFamily, NodeFacts } from './plan.ts';

export interface ProxyOptions {
  readonly nodeName: string;
  /** The pods' addresses, one CIDR per family at most. */
  readonly clusterCIDRs: readonly string[];
  readonly detectLocalMode: DetectLocal['mode'];
  readonly bridgeInterface?: string;
  readonly interfaceNamePrefix?: string;
  /** CIDRs, or `primary`: the Node's own addresses. Empty: every address of the node. */
  readonly nodePortAddresses: readonly string[];
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly localhostNodePorts: boolean;
}

export type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>;

/** `node` is absent until the API server has it. */
export function nodeFacts(
  family: IPFamily,
  options: ProxyOptions,
  node: Node | undefined,
  interfaces: Interfaces,
): NodeFacts {
  const nodeIPs = (node?.status?.addresses ?? [])
    .map(({ type, address }) => (type === 'InternalIP' ? canonicalIP(address, family) : undefined))
    .filter((ip) => ip !== undefined);
  return {
    nodeName: options.nodeName,
    zone: node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '',
    nodeIPs,
    detectLocal: detectLocal(family, options, node),
    nodePortIPs: nodePortIPs(family, options, nodeIPs, interfaces),
    masqueradeAll: options.masqueradeAll,
    masqueradeBit: options.masqueradeBit,
    localhostNodePorts: options.localhostNodePorts,
  };
}

function detectLocal(family: IPFamily, options: ProxyOptions, node: Node | undefined): DetectLocal {
  const mode = options.detectLocalMode;
  if (mode === 'BridgeInterface' && options.bridgeInterface) return { mode, interfaceName: options.bridgeInterface };
  if (mode === 'InterfaceNamePrefix' && options.interfaceNamePrefix)
    return { mode, prefix: options.interfaceNamePrefix };
  if (mode !== 'ClusterCIDR' && mode !== 'NodeCIDR') return { mode: 'None' };
  const podCIDRs = node?.spec?.podCIDRs ?? [];
  const cidr = (mode === 'ClusterCIDR' ? options.clusterCIDRs : podCIDRs)
    .map(canonicalCIDR)
    .find((one) => one !== undefined && familyOf(one.split('/')[0]) === family);
  return cidr === undefined ? { mode: 'None' } : { mode, cidr };
}

function nodePortIPs(
  family: IPFamily,
  { nodePortAddresses }: ProxyOptions,
  nodeIPs: readonly string[],
  interfaces: Interfaces,
): readonly string[] | 'all' {
  if (nodePortAddresses.includes('primary')) return nodeIPs.length > 0 ? nodeIPs : 'all';
  const cidrs = nodePortAddresses.filter((cidr) => familyOf(cidr.split('/')[0]) === family);
  if (cidrs.length === 0 || cidrs.some((cidr) => cidr.endsWith('/0'))) return 'all';
  const addresses = Object.values(interfaces).flatMap((list) => (list ?? []).map(({ address }) => address));
  return [...new Set(addresses)].filter((address) => familyOf(address) === family && liesIn(address, cidrs));
}
