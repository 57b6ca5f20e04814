// The objects that proxies are fed: Nodes as the topology has them, and Services whose addresses of all kinds follow from one number.
import type { Node, Service, ServiceSpec } from '../../api/types/core.v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/types/discovery.v1.ts';
import type { IPFamily, Protocol } from '../../proxy/plan.ts';
import { FAMILIES, NODE_NAMES, NODES, type NodeName, PODS, type ServerPod } from './topology.ts';

/** Where a Service is reached; `via` a node when the sender's packets come to a node from outside. */
export type Target =
  | 'cluster IP'
  | `node port of ${NodeName}`
  | `second address of ${NodeName}`
  | 'node port on localhost'
  | `external IP via ${NodeName}`
  | `load balancer via ${NodeName}`;

export interface ServicePortSpec {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly nodePort: number;
  readonly targetPort: number;
}

/** `number` is 1 to 99 and nobody else's. */
export function portsOf(number: number): ServicePortSpec[] {
  const one = { port: 80, nodePort: 30_000 + number, targetPort: 8080 };
  return [
    { name: 'tcp', protocol: 'TCP', ...one },
    { name: 'udp', protocol: 'UDP', ...one },
    { name: 'sctp', protocol: 'SCTP', ...one },
  ];
}

/** Services from this number on have cluster IPs that nobody routes: only the sender's own node can serve them. */
export const MARKERS_FROM = 98;

export function hostOf(target: Target, number: number, family: IPFamily): string {
  const node = target.slice(-6) as NodeName;
  const n = node.at(-1);
  const third = Number(n) - 1;
  const net = number < MARKERS_FROM ? 96 : 97;
  if (target === 'cluster IP') {
    return family === 'IPv4' ? `10.${net}.1.${number}` : `fd00:10:${net}::1${String(number).padStart(2, '0')}`;
  }
  if (target === 'node port on localhost') return family === 'IPv4' ? '127.0.0.1' : '::1';
  if (target.startsWith('node port')) return NODES[node].ip[family];
  if (target.startsWith('second')) return NODES[node].second[family];
  if (target.startsWith('external')) {
    return family === 'IPv4' ? `198.51.${100 + third}.${number}` : `2001:db8:198:10${third}::${number}`;
  }
  return family === 'IPv4' ? `52.1.${2 + third}.${number}` : `2001:db8:52:${2 + third}::${number}`;
}

/** Whether a target is reached at the node port instead of the Service's own port. */
export const isNodePort = (target: Target): boolean => /node port|second/.test(target);

const EXTERNAL: readonly Target[] = ['external IP via node-1', 'external IP via node-2'];
const BALANCERS: readonly Target[] = ['load balancer via node-1', 'load balancer via node-2'];

export interface ServiceOptions {
  readonly name: string;
  readonly number: number;
  readonly families?: readonly IPFamily[];
  readonly ports?: readonly ServicePortSpec[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Over what every Service here has: type LoadBalancer with an address of each kind, and policy Cluster. */
  readonly spec?: Partial<ServiceSpec>;
  readonly ipMode?: 'VIP' | 'Proxy';
}

export function serviceOf(options: ServiceOptions): Service {
  const { name, number, families = FAMILIES, ports = portsOf(number), labels, spec, ipMode = 'VIP' } = options;
  const all = (targets: readonly Target[]): string[] =>
    families.flatMap((family) => targets.map((target) => hostOf(target, number, family)));
  const clusterIPs = all(['cluster IP']);
  const type = spec?.type ?? 'LoadBalancer';
  const asksForHealth = type === 'LoadBalancer' && spec?.externalTrafficPolicy === 'Local';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', labels },
    spec: {
      type,
      clusterIP: clusterIPs[0],
      clusterIPs,
      ipFamilies: [...families],
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports: ports.map((port) => ({ ...port })),
      externalIPs: all(EXTERNAL),
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      ...(asksForHealth && { healthCheckNodePort: 32_000 + number }),
      ...spec,
    },
    status: { loadBalancer: type === 'LoadBalancer' ? { ingress: all(BALANCERS).map((ip) => ({ ip, ipMode })) } : {} },
  };
}

export interface EndpointSpec {
  readonly pod: ServerPod;
  /** Default: ready, serving, not terminating. */
  readonly conditions?: Endpoint['conditions'];
  readonly hints?: Endpoint['hints'];
}

export interface SlicesOptions {
  readonly service: string;
  readonly endpoints: readonly (ServerPod | EndpointSpec)[];
  readonly families?: readonly IPFamily[];
  readonly ports: readonly ServicePortSpec[];
  /** Tells slices of one Service apart. */
  readonly suffix?: string;
}

/** One slice per family, named `SERVICE-SUFFIX-v4` and `…-v6`. */
export function slicesOf({
  service,
  endpoints,
  families = FAMILIES,
  ports,
  suffix = 'a',
}: SlicesOptions): EndpointSlice[] {
  return families.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-${suffix}-${family === 'IPv4' ? 'v4' : 'v6'}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: family,
    endpoints: endpoints.map((one) => endpointOf(typeof one === 'string' ? { pod: one } : one, family)),
    ports: ports.map(({ name, protocol, targetPort }) => ({ name, protocol, port: targetPort })),
  }));
}

function endpointOf({ pod, conditions, hints }: EndpointSpec, family: IPFamily): Endpoint {
  const { node, ip } = PODS[pod];
  return {
    addresses: [ip[family]],
    nodeName: node,
    zone: NODES[node].zone,
    conditions: conditions ?? { ready: true, serving: true, terminating: false },
    ...(hints && { hints }),
  };
}

export function nodeObject(name: NodeName, labels: Readonly<Record<string, string>> = {}): Node {
  const { ip, podCIDR, zone } = NODES[name];
  const podCIDRs = FAMILIES.map((family) => podCIDR[family]);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone, ...labels },
    },
    spec: { podCIDR: podCIDRs[0], podCIDRs },
    status: { addresses: FAMILIES.map((family) => ({ type: 'InternalIP', address: ip[family] })) },
  };
}

export const allNodes = (): Node[] => NODE_NAMES.map((name) => nodeObject(name));
