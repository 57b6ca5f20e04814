// The EndpointSlice mirroring controller: Endpoints that someone wrote by hand for a Service without a selector, as slices
// (upstream pkg/controller/endpointslicemirroring).
import { familyOf } from '../api/ip.ts';
import { keyOf } from '../api/object.ts';
import type { EndpointAddress, Endpoints, Service } from '../api/types/core.v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../api/types/discovery.v1.ts';
import { endpointSlices, endpoints, services } from '../client/resources.ts';
import { byService } from './endpointslice.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import { OwnWrites } from './own-writes.ts';
import { hasSelector } from './services-of-pods.ts';
import { type PortGroup, planSlices, portsKey } from './slice-plan.ts';
import { MANAGED_BY, SERVICE_NAME, writeSlices } from './slice-writer.ts';
import { TRIGGER_TIME } from './trigger-times.ts';

const MIRRORING_CONTROLLER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
/** An Endpoints object may name more; the rest is not mirrored. */
const MAX_PER_SUBSET = 1000;
const NOT_COPIED = ['kubectl.kubernetes.io/last-applied-configuration', TRIGGER_TIME];

export function endpointSliceMirroringController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('endpoint_slice_mirroring');
  const serviceCache = informers.of(services);
  const endpointsCache = informers.of(endpoints);
  const sliceCache = informers.of(endpointSlices, byService);
  const writes = new OwnWrites(sliceCache, queue, clock);

  const enqueue = (object: Service | Endpoints): void => queue.add(keyOf(object));
  serviceCache.addHandlers({ add: enqueue, update: enqueue, delete: enqueue });
  endpointsCache.addHandlers({ add: enqueue, update: enqueue, delete: enqueue });
  const wake = ({ metadata }: EndpointSlice): void => {
    const name = metadata.labels?.[SERVICE_NAME];
    if (name && metadata.labels?.[MANAGED_BY] === MIRRORING_CONTROLLER) queue.add(`${metadata.namespace}/${name}`);
  };
  sliceCache.addHandlers({ update: wake, delete: wake });

  async function reconcile(key: string): Promise<void> {
    const object = endpointsCache.get(key);
    const service = serviceCache.get(key);
    if (!writes.caughtUp(key)) return;
    const existing = sliceCache
      .byIndex('service', key)
      .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === MIRRORING_CONTROLLER && !metadata.deletionTimestamp);
    const wanted = object && service && !hasSelector(service) && isMirrored(object);
    if (!wanted && existing.length === 0) return;
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const mine = existing.filter((slice) => slice.addressType === addressType);
      const groups = wanted ? groupsOf(object, addressType) : [];
      const plan =
        groups.length > 0
          ? planSlices(mine, groups, options.maxEndpointsPerSlice)
          : { create: [], update: [], remove: mine };
      const owner = { resource: endpoints, object: object ?? { metadata: { name: '' } } };
      const labels = {
        ...object?.metadata.labels,
        [SERVICE_NAME]: object?.metadata.name ?? '',
        [MANAGED_BY]: MIRRORING_CONTROLLER,
      };
      const annotations = Object.fromEntries(
        Object.entries(object?.metadata.annotations ?? {}).filter(([name]) => !NOT_COPIED.includes(name)),
      );
      await writeSlices({ client, writes, key }, { addressType, labels, annotations, owner }, plan);
    }
  }

  const caches = [serviceCache, endpointsCache, sliceCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'endpointslicemirroring', queue, informers: caches, concurrency, reconcile }, environment);
}

function isMirrored({ metadata, subsets = [] }: Endpoints): boolean {
  const { labels = {}, annotations = {} } = metadata;
  return labels[SKIP] !== 'true' && annotations[LEADER] === undefined && subsets.length > 0;
}

function groupsOf({ subsets = [] }: Endpoints, family: 'IPv4' | 'IPv6'): PortGroup[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets) {
    const mirrored = ports.map(({ name = '', port, protocol, appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol && { appProtocol }),
    }));
    const all = [...addresses.map((one) => mirror(one, true)), ...notReadyAddresses.map((one) => mirror(one, false))];
    const ours = all.filter(({ addresses: [ip] }) => familyOf(ip) === family).slice(0, MAX_PER_SUBSET);
    if (ours.length === 0) continue;
    const group = groups.get(portsKey(mirrored)) ?? { ports: mirrored, endpoints: [] };
    group.endpoints.push(...ours);
    groups.set(portsKey(mirrored), group);
  }
  return [...groups.values()];
}

/** Only readiness is known of an address in Endpoints. */
function mirror({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef }),
  };
}
