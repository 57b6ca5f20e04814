// From Services, slices and node facts to a plan: all Service semantics, decided here once and purely. Only the Services
// that changed are decided again.
import { isDeepStrictEqual } from 'node:util';
import { familyOf } from '../api/ip.ts';
import type { ServicePort as SpecPort } from '../api/types/core.v1.ts';
import { canonicalCIDR, canonicalIP } from './addresses.ts';
import type { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import type { ServiceTracker, TrackedService } from './changes/services.ts';
import { type Malformed, malformation } from './malformed.ts';
import type { IPFamily, NodeFacts, Plan, Protocol, ServicePort } from './plan.ts';
import { isExternallyAccessible } from './plan.ts';
import { usableEndpoints } from './topology.ts';

export interface PlanStep {
  readonly plan: Plan;
  /** Service ports that were added, removed or now differ. */
  readonly changed: ReadonlySet<string>;
  /** Changed service ports as they were before; absent: they were not there. */
  readonly before: ReadonlyMap<string, ServicePort>;
  /** Service ports that are not in the plan because of what they say, and were not left out for that before. */
  readonly malformed: readonly Malformed[];
  /** The plan's ports of one Service (`namespace/name`). */
  portsOf(service: string): readonly ServicePort[];
}

/** Keeps one family's plan up to date. */
export class PlanMaker {
  readonly #family: IPFamily;
  readonly #services: ServiceTracker;
  readonly #slices: EndpointSliceTracker;
  readonly #ports = new Map<string, ServicePort>();
  #node: NodeFacts | undefined;
  /** Service key → ids of its ports in the plan. */
  readonly #ids = new Map<string, readonly string[]>();
  /** Service key → its ports that are left out. */
  readonly #malformed = new Map<string, readonly Malformed[]>();

  constructor(family: IPFamily, services: ServiceTracker, slices: EndpointSliceTracker) {
    this.#family = family;
    this.#services = services;
    this.#slices = slices;
  }

  /** As of the last update; undefined before the first. */
  get plan(): Plan | undefined {
    return this.#node && { family: this.#family, node: this.#node, services: this.#ports };
  }

  /** All that is left out now. */
  get malformed(): Malformed[] {
    return [...this.#malformed.values()].flat();
  }

  /**
   * Decides again about the Services named by `keys`, and about all of them when the node is another. The returned plan is
   * live: it is what the next update changes.
   */
  update(node: NodeFacts, keys: Iterable<string>): PlanStep {
    const changed = new Set<string>();
    const before = new Map<string, ServicePort>();
    const malformed: Malformed[] = [];
    const isMoved = this.#node !== undefined && !isDeepStrictEqual(this.#node, node);
    this.#node = node;
    for (const key of new Set(isMoved ? [...keys, ...this.#services.keys()] : keys)) {
      malformed.push(...this.#updateService(node, key, changed, before));
    }
    const portsOf = (key: string): ServicePort[] => (this.#ids.get(key) ?? []).map((id) => this.#ports.get(id)!);
    return { plan: { family: this.#family, node, services: this.#ports }, changed, before, malformed, portsOf };
  }

  /** Returns what is malformed now and was not before. */
  #updateService(
    node: NodeFacts,
    key: string,
    changed: Set<string>,
    before: Map<string, ServicePort>,
  ): readonly Malformed[] {
    const service = this.#services.get(key);
    const { now, malformed } = this.#decide(key, service, node);
    const ids = new Set(now.map(({ id }) => id));
    const note = (id: string): void => {
      const old = this.#ports.get(id);
      if (old) before.set(id, old);
      changed.add(id);
    };
    for (const id of this.#ids.get(key) ?? []) {
      if (ids.has(id)) continue;
      note(id);
      this.#ports.delete(id);
    }
    for (const port of now) {
      if (isDeepStrictEqual(this.#ports.get(port.id), port)) continue;
      note(port.id);
      this.#ports.set(port.id, port);
    }
    if (ids.size > 0) this.#ids.set(key, [...ids]);
    else this.#ids.delete(key);
    const known = this.#malformed.get(key) ?? [];
    if (malformed.length > 0) this.#malformed.set(key, malformed);
    else this.#malformed.delete(key);
    return malformed.filter(({ port, why }) => !known.some((one) => one.port.id === port.id && one.why === why));
  }

  #decide(key: string, service: TrackedService | undefined, node: NodeFacts) {
    if (!service) return { now: [], malformed: [] };
    const now: ServicePort[] = [];
    const malformed: Malformed[] = [];
    try {
      for (const port of planService(service, this.#family, node, this.#slices)) {
        const why = malformation(port);
        if (why === undefined) now.push(port);
        else malformed.push({ port, why });
      }
    } catch (error) {
      // A list that is none, a text that is a number: nothing is known of it then.
      const { namespace, name } = service;
      return { now: [], malformed: [{ port: { id: key, namespace, name }, why: (error as Error).message }] };
    }
    return { now, malformed };
  }
}

/** What one Service means on this node for one family: one entry per port, none when it has no IP of the family. */
export function planService(
  service: TrackedService,
  family: IPFamily,
  node: NodeFacts,
  slices: EndpointSliceTracker,
): ServicePort[] {
  const { spec } = service;
  const ofFamily = (ips: readonly string[] = []): string[] =>
    ips.map((ip) => canonicalIP(ip, family)).filter((ip) => ip !== undefined);
  const [clusterIP] = ofFamily(spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']);
  if (clusterIP === undefined) return [];
  const shared = {
    namespace: service.namespace,
    name: service.name,
    clusterIP,
    externalIPs: ofFamily(spec.externalIPs),
    // Where the balancer is a proxy, packets to its IPs must pass it (KEP-1860).
    loadBalancerIPs: ofFamily(service.ingress.flatMap(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? [ip] : []))),
    loadBalancerSourceRanges: sourceRanges(spec.loadBalancerSourceRanges ?? [], family),
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0,
    internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster',
    externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster',
    // Only load balancers ask for health (upstream: type LoadBalancer and policy Local).
    healthCheckNodePort:
      spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' ? (spec.healthCheckNodePort ?? 0) : 0,
  } as const;
  return (spec.ports ?? []).map((port) => planPort(shared, port, family, node, slices));
}

type Shared = Omit<
  ServicePort,
  'id' | 'portName' | 'protocol' | 'port' | 'nodePort' | 'clusterEndpoints' | 'localEndpoints' | 'hasEndpoints'
>;

function planPort(
  shared: Shared,
  port: SpecPort,
  family: IPFamily,
  node: NodeFacts,
  slices: EndpointSliceTracker,
): ServicePort {
  const key = `${shared.namespace}/${shared.name}`;
  const portName = port.name ?? '';
  const protocol = (port.protocol ?? 'TCP') as Protocol;
  const nodePort = port.nodePort ?? 0;
  const isExternal = isExternallyAccessible({ ...shared, nodePort });
  const uses = {
    // Even with external policy Local, the cluster's own traffic to an external address uses all endpoints.
    cluster: shared.internalTrafficPolicy === 'Cluster' || isExternal,
    local: shared.internalTrafficPolicy === 'Local' || (shared.externalTrafficPolicy === 'Local' && isExternal),
  };
  return {
    id: portName ? `${key}:${portName}` : key,
    ...shared,
    portName,
    protocol,
    port: port.port,
    nodePort,
    ...usableEndpoints(slices.endpoints(key, portName, protocol, family), uses, node),
  };
}

/** Those of the family, canonical; none when one of them lets everyone in. */
function sourceRanges(ranges: readonly string[], family: IPFamily): readonly string[] {
  const canonical = ranges
    .map(canonicalCIDR)
    .filter((range) => range !== undefined && familyOf(range.split('/')[0]) === family) as string[];
  return canonical.some((range) => range.endsWith('/0')) ? [] : canonical;
}
