// The waist of the proxy: what every backend renders. All Service semantics (which endpoints a policy may use, what happens
// without endpoints, who is masqueraded) are decided in plan-making, purely, once; a backend only renders and applies.
import { hostPort } from '../api/ip.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type IPFamily = 'IPv4' | 'IPv6';

export interface Plan {
  readonly family: IPFamily;
  readonly node: NodeFacts;
  /** By `ServicePort.id`, in a stable order. */
  readonly services: ReadonlyMap<string, ServicePort>;
}

/** What the proxy knows of its own node and its own options. */
export interface NodeFacts {
  readonly nodeName: string;
  /** The node's label `topology.kubernetes.io/zone`; '' when it has none. */
  readonly zone: string;
  /** Of the plan's family. */
  readonly nodeIPs: readonly string[];
  /** How traffic is told to come from a local pod. */
  readonly detectLocal: DetectLocal;
  /** The node's own addresses that serve node ports. */
  readonly nodePortIPs: readonly string[] | 'all';
  readonly masqueradeAll: boolean;
  /** The bit of the packet mark that asks for masquerade (upstream: 14). */
  readonly masqueradeBit: number;
  /** Whether node ports answer on 127.0.0.1 (iptables backend only, as upstream). */
  readonly localhostNodePorts: boolean;
}

export type DetectLocal =
  | { readonly mode: 'ClusterCIDR' | 'NodeCIDR'; readonly cidr: string }
  | { readonly mode: 'BridgeInterface'; readonly interfaceName: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }
  | { readonly mode: 'None' };

/** One port of one Service, with everything this node does about it. */
export interface ServicePort {
  /** `namespace/name:portName` (`namespace/name` for an unnamed port): what upstream puts in comments and hashes. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIP: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIPs: readonly string[];
  /** Only those with ipMode VIP. */
  readonly loadBalancerIPs: readonly string[];
  /** CIDRs of this family, host bits cleared, that may use the load-balancer IPs; empty: everyone. */
  readonly loadBalancerSourceRanges: readonly string[];
  /** Seconds of ClientIP session affinity; 0: none. */
  readonly affinitySeconds: number;
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
  readonly externalTrafficPolicy: 'Cluster' | 'Local';
  /** 0: none. */
  readonly healthCheckNodePort: number;
  /** Endpoints that traffic of policy Cluster may use on this node, sorted as text. Empty when no traffic has that policy. */
  readonly clusterEndpoints: readonly Endpoint[];
  /** Endpoints that traffic of policy Local may use: local ones. Empty when no traffic has that policy. */
  readonly localEndpoints: readonly Endpoint[];
  /** Whether any endpoint, anywhere, could serve: tells REJECT (none) from DROP (none here). */
  readonly hasEndpoints: boolean;
}

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** Runs on this node. */
  readonly isLocal: boolean;
}

/** Whether anything outside the cluster can reach it: a node port, an external IP or a load-balancer IP. */
export function isExternallyAccessible(
  port: Pick<ServicePort, 'nodePort' | 'externalIPs' | 'loadBalancerIPs'>,
): boolean {
  return port.nodePort !== 0 || port.externalIPs.length > 0 || port.loadBalancerIPs.length > 0;
}

/** Every endpoint this node may send to, once each, in text order. */
export function reachableEndpoints(port: ServicePort): readonly Endpoint[] {
  if (port.localEndpoints.length === 0) return port.clusterEndpoints;
  const all = new Map([...port.clusterEndpoints, ...port.localEndpoints].map((one) => [endpointText(one), one]));
  return [...all.keys()].sort().map((text) => all.get(text)!);
}

/** `10.244.1.5:8080`, `[fd00::5]:8080`: upstream's text, which hashes and sort orders are made of. */
export function endpointText(endpoint: Pick<Endpoint, 'ip' | 'port'>): string {
  return hostPort(endpoint.ip, endpoint.port);
}
