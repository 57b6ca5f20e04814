// What the proxy remembers of EndpointSlices: per Service, all its slices merged; and which Services' endpoints changed
// since it last looked.
import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { canonicalIP } from '../addresses.ts';
import { endpointText, type IPFamily, type Protocol } from '../plan.ts';

/** What the API server is asked to leave out. */
export const SLICE_SELECTOR = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name';

const SERVICE_NAME = 'kubernetes.io/service-name';

export interface TrackedEndpoint {
  readonly ip: string;
  readonly port: number;
  /** '' when the slice names none. */
  readonly nodeName: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

interface TrackedSlice {
  readonly family: IPFamily;
  /** By `portName` and protocol: only ports that say both. */
  readonly endpoints: ReadonlyMap<string, readonly TrackedEndpoint[]>;
}

/** How the endpoints of one service port are found: a port of a slice belongs to the service port of its name. */
const portKey = (name: string, protocol: string): string => `${protocol}/${name}`;

export class EndpointSliceTracker {
  /** Service key → slice name → what it holds. */
  readonly #slices = new Map<string, Map<string, TrackedSlice>>();
  /** Slice key → the Service it belonged to: slices may be relabelled. */
  readonly #owner = new Map<string, string>();
  readonly #changed = new Set<string>();

  /** Takes in an added or updated slice; returns whether anything changed. */
  set(slice: EndpointSlice): boolean {
    const { name, namespace = '', labels = {} } = slice.metadata;
    const service = labels[SERVICE_NAME] ? `${namespace}/${labels[SERVICE_NAME]}` : undefined;
    const key = `${namespace}/${name}`;
    const owner = this.#owner.get(key);
    const moved = owner !== undefined && owner !== service && this.delete(key);
    if (!service || slice.addressType === 'FQDN' || 'service.kubernetes.io/headless' in labels) {
      return this.delete(key) || moved;
    }
    const slices = this.#slices.get(service) ?? new Map<string, TrackedSlice>();
    const now = track(slice, slice.addressType);
    if (isDeepStrictEqual(slices.get(name), now)) return moved;
    this.#slices.set(service, slices.set(name, now));
    this.#owner.set(key, service);
    this.#changed.add(service);
    return true;
  }

  /** `key` is `namespace/name` of the slice; returns whether it was known. */
  delete(key: string): boolean {
    const service = this.#owner.get(key);
    if (service === undefined) return false;
    this.#owner.delete(key);
    const slices = this.#slices.get(service)!;
    slices.delete(key.slice(key.indexOf('/') + 1));
    if (slices.size === 0) this.#slices.delete(service);
    this.#changed.add(service);
    return true;
  }

  /** Whether the Service has any slice. */
  has(service: string): boolean {
    return this.#slices.has(service);
  }

  /** How many Services changed since the last `take`. */
  get pending(): number {
    return this.#changed.size;
  }

  /** The keys of Services whose slices changed since the last call. */
  take(): string[] {
    const keys = [...this.#changed];
    this.#changed.clear();
    return keys;
  }

  /** How many ready endpoints of a Service, whatever their ports, run on a node. */
  countReady(service: string, family: IPFamily, nodeName: string): number {
    const ips = new Set<string>();
    for (const slice of this.#slices.get(service)?.values() ?? []) {
      if (slice.family !== family) continue;
      for (const endpoint of [...slice.endpoints.values()].flat()) {
        if (endpoint.ready && endpoint.nodeName === nodeName) ips.add(endpoint.ip);
      }
    }
    return ips.size;
  }

  /**
   * All endpoints of one service port, sorted as text, each address and port once: of duplicates across slices (an endpoint
   * that moves between slices is in both for a moment) the ready one wins, then the serving one.
   */
  endpoints(service: string, portName: string, protocol: Protocol, family: IPFamily): readonly TrackedEndpoint[] {
    const found = new Map<string, TrackedEndpoint>();
    for (const slice of this.#slices.get(service)?.values() ?? []) {
      if (slice.family !== family) continue;
      for (const endpoint of slice.endpoints.get(portKey(portName, protocol)) ?? []) {
        const text = endpointText(endpoint);
        const known = found.get(text);
        if (!known || rank(endpoint) > rank(known)) found.set(text, endpoint);
      }
    }
    return [...found.keys()].sort().map((text) => found.get(text)!);
  }
}

const rank = ({ ready, serving }: TrackedEndpoint): number => (ready ? 2 : serving ? 1 : 0);

/** A server that does not validate may send anything where a list should be. */
const listOf = <T>(value: readonly T[] | undefined): readonly T[] =>
  Array.isArray(value) ? value.filter((one) => one !== null) : [];

function track(slice: EndpointSlice, family: IPFamily): TrackedSlice {
  const endpoints = new Map<string, TrackedEndpoint[]>();
  for (const { name = '', port, protocol = 'TCP' } of listOf(slice.ports)) {
    if (!port) continue;
    endpoints.set(
      portKey(name, protocol),
      listOf(slice.endpoints).flatMap((endpoint) => {
        const ip = canonicalIP(endpoint.addresses?.[0], family);
        if (ip === undefined) return [];
        const { ready = true, terminating = false } = endpoint.conditions ?? {};
        return {
          ip,
          port,
          nodeName: endpoint.nodeName ?? '',
          ready,
          serving: endpoint.conditions?.serving ?? ready,
          terminating,
          zoneHints: listOf(endpoint.hints?.forZones).map((zone) => zone.name),
          nodeHints: listOf(endpoint.hints?.forNodes).map((node) => node.name),
        };
      }),
    );
  }
  return { family, endpoints };
}
