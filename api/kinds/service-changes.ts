// What a Service gets without asking, keeps when an update does not name it, and loses when its type changes
// (k8s.io/kubernetes v1.36 pkg/apis/core/v1/defaults.go, pkg/registry/core/service/strategy.go).
import type { Service, ServicePort, ServiceSpec } from '../types/core.v1.ts';

const AFFINITY_TIMEOUT = 10800;

export function defaultService({ spec, status }: Service): void {
  if (!spec) return;
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= AFFINITY_TIMEOUT;
  }
  spec.type ??= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    // Absent, zero and empty are the same to Go.
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternal(spec)) spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

/** Whether clients outside the cluster reach it by the cluster's own means. */
function isExternal({ type, externalIPs }: ServiceSpec): boolean {
  return type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && Boolean(externalIPs?.length));
}

const hasIp = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';
const hasNodePorts = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer';
const needsHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

/** An update that leaves out what was allocated means to keep it. */
export function keepAllocated({ spec }: Service, { spec: old }: Service): void {
  if (!spec || !old) return;
  if (hasIp(old) && hasIp(spec)) {
    spec.clusterIP ??= old.clusterIP;
    if (spec.clusterIP === old.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = old.clusterIPs;
  }
  if (hasNodePorts(old) && hasNodePorts(spec)) keepNodePorts(spec.ports ?? [], old.ports ?? []);
  if (needsHealthCheck(old) && needsHealthCheck(spec)) spec.healthCheckNodePort ??= old.healthCheckNodePort;
  for (const field of ['clusterIP', 'clusterIPs', 'healthCheckNodePort'] as const) {
    if (spec[field] === undefined) delete spec[field];
  }
}

/** By protocol and port number; a node port that another port of the update names is not kept. */
function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): void {
  const key = ({ protocol = 'TCP', port }: ServicePort): string => `${protocol}/${port}`;
  const known = new Map(old.map((port) => [key(port), port.nodePort]));
  const taken = new Set(ports.map(({ protocol, nodePort }) => nodePort && `${protocol}/${nodePort}`));
  for (const port of ports) {
    const nodePort = known.get(key(port));
    if (port.nodePort || !nodePort || taken.has(`${port.protocol}/${nodePort}`)) continue;
    port.nodePort = nodePort;
  }
}

/** A change of type takes with it what only the old type has, unless the update changed that too. */
export function dropTypeDependent({ spec }: Service, { spec: old }: Service): void {
  if (!spec || !old) return;
  if (hasIp(old) && !hasIp(spec)) dropAddresses(spec, old);
  if (hasNodePorts(old) && !hasNodePorts(spec)) dropNodePorts(spec.ports ?? [], old.ports ?? []);
  dropUnchanged(spec, old, 'healthCheckNodePort', needsHealthCheck);
  dropUnchanged(spec, old, 'allocateLoadBalancerNodePorts', ({ type }) => type === 'LoadBalancer');
  dropUnchanged(spec, old, 'loadBalancerClass', ({ type }) => type === 'LoadBalancer');
  dropUnchanged(spec, old, 'externalTrafficPolicy', isExternal);
  dropUnchanged(spec, old, 'internalTrafficPolicy', hasIp);
}

/** Families too go only with an address that this update did not clear itself. */
function dropAddresses(spec: ServiceSpec, old: ServiceSpec): void {
  const same = spec.clusterIP === old.clusterIP && (spec.clusterIPs ?? []).join() === (old.clusterIPs ?? []).join();
  if (!same) return;
  delete spec.clusterIP;
  delete spec.clusterIPs;
  if ((spec.ipFamilies ?? []).join() === (old.ipFamilies ?? []).join()) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === old.ipFamilyPolicy) delete spec.ipFamilyPolicy;
}

function dropNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): void {
  const taken = new Set(old.map(({ nodePort }) => nodePort));
  for (const port of ports) if (taken.has(port.nodePort)) delete port.nodePort;
}

function dropUnchanged(
  spec: ServiceSpec,
  old: ServiceSpec,
  field: keyof ServiceSpec,
  needs: (spec: ServiceSpec) => boolean,
): void {
  if (needs(old) && !needs(spec) && spec[field] === old[field]) delete spec[field];
}
