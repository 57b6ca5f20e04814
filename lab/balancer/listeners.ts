// What the cloud's load balancer does, as plain data: which addresses and ports it listens on, and the nodes it may send to.
import { familyOf } from '../../api/ip.ts';
import type { Node, Service, ServicePort } from '../../api/types/core.v1.ts';

export interface Listener {
  readonly service: string;
  readonly address: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly nodePort: number;
  /** Where a node says whether it takes this Service's traffic: `GET /healthz` answers 200. */
  readonly healthPort: number;
  /** Clients stay with their node. */
  readonly isSticky: boolean;
  /** CIDRs; empty: everybody. */
  readonly sourceRanges: readonly string[];
}

/** kube-proxy's own health port: whether the node takes any traffic (upstream: DefaultKubeProxyHealthzPort). */
const KUBE_PROXY_HEALTH = 10256;
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** One per address and port of a Service that has both a balancer's address and node ports. In a fixed order. */
export function listenersOf(services: readonly Service[]): Listener[] {
  return services
    .flatMap((service) =>
      (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? onAddress(service, ip) : [])),
    )
    .sort((a, b) => a.address.localeCompare(b.address) || a.port - b.port || a.protocol.localeCompare(b.protocol));
}

function onAddress({ metadata, spec }: Service, address: string): Listener[] {
  if (spec?.type !== 'LoadBalancer') return [];
  const healthPort = spec.externalTrafficPolicy === 'Local' ? spec.healthCheckNodePort : undefined;
  return (spec.ports ?? [])
    .filter(({ nodePort }: ServicePort) => nodePort !== undefined && nodePort > 0)
    .map(({ protocol = 'TCP', port, nodePort }) => ({
      service: `${metadata.namespace}/${metadata.name}`,
      address,
      protocol: protocol.toLowerCase() as Listener['protocol'],
      port,
      nodePort: nodePort!,
      healthPort: healthPort || KUBE_PROXY_HEALTH,
      isSticky: spec.sessionAffinity === 'ClientIP',
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()),
    }));
}

/** A node that may be sent to: its addresses, the primary one first. */
export type Target = readonly [string, ...string[]];

/** The nodes that are Ready and do not ask to be left out. In a fixed order. */
export function targetsOf(nodes: readonly Node[]): Target[] {
  return nodes
    .filter(({ metadata }) => metadata.labels?.[EXCLUDED] === undefined && !metadata.deletionTimestamp)
    .filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'))
    .map(({ status }) => (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP'))
    .map((internal) => internal.map(({ address }) => address))
    .filter((addresses): addresses is [string, ...string[]] => addresses.length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Where a listener's connections may go: a target's first address of the listener's own family. */
export const addressesFor = ({ address }: Listener, targets: readonly Target[]): string[] =>
  targets.flatMap((target) => target.find((one) => familyOf(one) === familyOf(address)) ?? []);
