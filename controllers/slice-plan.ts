// Which EndpointSlices to write so that they say what they should, with as few writes as possible: endpoints stay in the
// slice they are in, gaps are filled, slices are reused before they are replaced
// (k8s.io/endpointslice reconciler.go; the mirroring controller plans by the same rules).
import type { Endpoint, EndpointPort, EndpointSlice } from '../api/types/discovery.v1.ts';
import { isEqual } from './equality.ts';

/** Endpoints that share one set of port numbers. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SlicePlan {
  readonly create: Content[];
  readonly update: { slice: EndpointSlice; content: Content }[];
  readonly remove: EndpointSlice[];
}

export interface Content {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** `existing` are the slices of one address family. A plan never leaves a Service without a slice: an empty one says so. */
export function planSlices(
  existing: readonly EndpointSlice[],
  groups: readonly PortGroup[],
  maxEndpoints: number,
): SlicePlan {
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    const key = portsKey(slice.ports);
    byPorts.set(key, [...(byPorts.get(key) ?? []), slice]);
  }
  const create: Content[] = [];
  const update: SlicePlan['update'] = [];
  const spare: EndpointSlice[] = [];
  for (const group of groups) {
    const key = portsKey(group.ports);
    const planned = planGroup(byPorts.get(key) ?? [], group, maxEndpoints);
    byPorts.delete(key);
    create.push(...planned.create);
    update.push(...planned.update);
    spare.push(...planned.remove);
  }
  for (const unwanted of byPorts.values()) spare.push(...unwanted);
  if (create.length + update.length === 0) create.push({ ports: [], endpoints: [] });
  while (create.length > 0 && spare.length > 0) update.push({ slice: spare.shift()!, content: create.shift()! });
  return { create, update, remove: spare };
}

/** `update` lists every slice that stays, changed or not. */
function planGroup(slices: readonly EndpointSlice[], { ports, endpoints }: PortGroup, max: number): SlicePlan {
  const wanted = new Map(endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const kept = slices.map((slice) => {
    const stay: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const desired = wanted.get(identity(endpoint));
      if (!desired || stay.length === max) continue;
      wanted.delete(identity(endpoint));
      stay.push(isEqual(desired, endpoint) ? endpoint : desired);
    }
    return { slice, stay, touched: !isEqual(stay, slice.endpoints) };
  });
  const rest = [...wanted.values()];
  // Slices that are written anyway are filled first; then one untouched slice may take what is left, if it all fits.
  for (const { stay } of kept.filter(({ touched, stay }) => touched && stay.length > 0)) {
    stay.push(...rest.splice(0, max - stay.length));
  }
  if (rest.length > 0 && rest.length < max) {
    const fitting = kept
      .filter(({ stay, touched }) => !touched && stay.length + rest.length <= max)
      .sort((a, b) => b.stay.length - a.stay.length)[0];
    fitting?.stay.push(...rest.splice(0));
  }
  const create: Content[] = [];
  while (rest.length > 0) create.push({ ports, endpoints: rest.splice(0, max) });
  return {
    create,
    update: kept
      .filter(({ stay }) => stay.length > 0)
      .map(({ slice, stay }) => ({ slice, content: { ports, endpoints: stay } })),
    remove: kept.filter(({ stay }) => stay.length === 0).map(({ slice }) => slice),
  };
}

/** What makes two endpoints the same one, whatever their conditions say. */
function identity({ addresses, hostname, nodeName, targetRef }: Endpoint): string {
  return [...addresses]
    .sort()
    .concat(hostname ?? '', nodeName ?? '', targetRef?.uid ?? '', targetRef?.name ?? '')
    .join();
}

/** Equal for the same set of ports in any order. */
export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(({ name, protocol, port, appProtocol }) => `${name ?? ''}/${protocol}/${port ?? ''}/${appProtocol ?? ''}`)
    .sort()
    .join();
}
