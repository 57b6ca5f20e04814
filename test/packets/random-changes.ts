// Random histories of a cluster, the same for the same seed: Services of every kind that come, change and go, slices that do, and
// nodes that move. Two Services never hold one address and port; everything else may happen.
import type { ServiceSpec } from '../../api/types/core.v1.ts';
import { Random } from '../harness/random.ts';
import type { Named, Write } from './control-plane.ts';
import { type EndpointSpec, nodeObject, portsOf, type ServicePortSpec, serviceOf, slicesOf } from './objects.ts';
import { ALL_PODS, NODE_NAMES } from './topology.ts';

const SERVICES = 8;
const SUFFIXES = ['a', 'b'] as const;
const RANGES = ['203.0.113.0/24', '10.244.1.0/24', '192.168.1.0/24', '2001:db8:113::/64', 'fd00:10:244:1::/64'];

interface Known {
  ports: readonly ServicePortSpec[];
  readonly slices: Set<string>;
}

export class RandomChanges {
  readonly #random: Random;
  readonly #services = new Map<number, Known>();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** What happens next: up to four things in one moment. */
  next(): Write[] {
    const writes = new Map<string, Write>();
    for (let left = 1 + this.#random.below(4); left > 0; left -= 1) {
      for (const write of this.#change()) writes.set(targetOf(write), write); // the last word on an object counts
    }
    return [...writes.values()];
  }

  #change(): Write[] {
    const number = 1 + this.#random.below(SERVICES);
    const known = this.#services.get(number);
    if (this.#random.isOneIn(12)) return [this.#node()];
    if (!known) return this.#create(number);
    const kind = this.#random.below(10);
    if (kind === 0) return this.#remove(number, known);
    if (kind < 4) return [this.#service(number, known)];
    return this.#slice(number, known);
  }

  #create(number: number): Write[] {
    const known: Known = { ports: portsOf(number), slices: new Set() };
    this.#services.set(number, known);
    return [this.#service(number, known), ...this.#slice(number, known)];
  }

  /** Slices may outlive their Service, and meet the next one of its name. */
  #remove(number: number, known: Known): Write[] {
    this.#services.delete(number);
    const slices = this.#random.isOneIn(3) ? [] : [...known.slices];
    const gone: Named[] = slices.map((name) => ({ kind: 'EndpointSlice', name }));
    return [{ kind: 'Service', name: `random-${number}` } as const, ...gone].map((one) => ({ gone: one }));
  }

  #service(number: number, known: Known): Write {
    const random = this.#random;
    if (random.isOneIn(2)) {
      const all = portsOf(number).map((port) => ({
        ...port,
        port: random.one([80, 443]),
        targetPort: random.one([8080, 8081]),
      }));
      known.ports = all.filter((_, at) => at === 0 || random.isOneIn(2));
    }
    const type = random.one(['ClusterIP', 'NodePort', 'LoadBalancer'] as const);
    const ports = type === 'ClusterIP' ? known.ports.map((port) => ({ ...port, nodePort: 0 })) : known.ports;
    const ipMode = random.isOneIn(6) ? 'Proxy' : 'VIP';
    const spec = this.#spec(type);
    return { put: serviceOf({ name: `random-${number}`, number, ports, ipMode, spec }) };
  }

  #spec(type: 'ClusterIP' | 'NodePort' | 'LoadBalancer'): Partial<ServiceSpec> {
    const random = this.#random;
    return {
      type,
      ...(random.isOneIn(2) && { externalIPs: [] }),
      internalTrafficPolicy: random.isOneIn(4) ? 'Local' : 'Cluster',
      ...(type !== 'ClusterIP' && { externalTrafficPolicy: random.isOneIn(3) ? 'Local' : 'Cluster' }),
      ...(random.isOneIn(4) && {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: random.one([60, 600]) } },
      }),
      ...(type === 'LoadBalancer' && random.isOneIn(3) && { loadBalancerSourceRanges: random.some(RANGES) }),
    };
  }

  #slice(number: number, known: Known): Write[] {
    const random = this.#random;
    const suffix = random.one(SUFFIXES);
    const endpoints = random.some(ALL_PODS).map((pod): EndpointSpec => this.#endpoint(pod));
    const slices = slicesOf({ service: `random-${number}`, endpoints, ports: known.ports, suffix });
    const names = slices.map(({ metadata }) => metadata.name);
    if (names.some((name) => known.slices.has(name)) && random.isOneIn(5)) {
      for (const name of names) known.slices.delete(name);
      return names.map((name) => ({ gone: { kind: 'EndpointSlice', name } }));
    }
    for (const name of names) known.slices.add(name);
    return slices.map((put) => ({ put }));
  }

  #endpoint(pod: (typeof ALL_PODS)[number]): EndpointSpec {
    const state = this.#random.below(6);
    const conditions =
      state === 0
        ? { ready: false, serving: true, terminating: true }
        : state === 1
          ? { ready: false, serving: false, terminating: this.#random.isOneIn(2) }
          : { ready: true, serving: true, terminating: false };
    const zone = this.#random.one(['zone-1', 'zone-2', 'zone-3']);
    return { pod, conditions, ...(this.#random.isOneIn(4) && { hints: { forZones: [{ name: zone }] } }) };
  }

  #node(): Write {
    const zone = this.#random.one(['zone-1', 'zone-2', 'zone-3']);
    return { put: nodeObject(this.#random.one(NODE_NAMES), { 'topology.kubernetes.io/zone': zone }) };
  }
}

function targetOf(write: Write): string {
  if ('put' in write) return `${write.put.kind} ${write.put.metadata.name}`;
  return `${write.gone.kind} ${write.gone.name}`;
}
