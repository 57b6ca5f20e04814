// The Endpoints controller: the old, single-object form of what slices say, kept for those who still read it
// (upstream pkg/controller/endpoint and pkg/api/v1/endpoints/util.go).
import { familyOf } from '../api/ip.ts';
import { keyOf } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service } from '../api/types/core.v1.ts';
import { endpoints, pods, services } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { controlLoop } from './loop.ts';
import { OwnWrites } from './own-writes.ts';
import { isPodReady, isPodTerminal, podIPs, targetPortOf } from './pods.ts';
import { hasSelector, hostnameIn, isHeadless, podsOf, watchServicesOfPods } from './services-of-pods.ts';
import { HEADLESS } from './slice-writer.ts';
import { TRIGGER_TIME, TriggerTimes } from './trigger-times.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
/** An Endpoints object names no more addresses than this. */
const MAX_ADDRESSES = 1000;

export function endpointsController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('endpoint');
  const podCache = informers.of(pods);
  const serviceCache = informers.of(services);
  const cache = informers.of(endpoints);
  const writes = new OwnWrites(cache, queue, clock);
  const triggers = new TriggerTimes();

  const enqueue = (service: Service): void => queue.add(keyOf(service));
  serviceCache.addHandlers({ add: enqueue, update: enqueue, delete: enqueue });
  watchServicesOfPods({ pods: podCache, services: serviceCache, enqueue: (key) => queue.add(key) });
  cache.addHandlers({
    add: (object) => !cache.isSynced && !isLeaderRecord(object) && queue.add(keyOf(object)),
    delete: (object) => queue.add(keyOf(object)),
  });

  async function reconcile(key: string): Promise<void> {
    if (!writes.caughtUp(key)) return;
    const service = serviceCache.get(key);
    const current = cache.get(key);
    if (!service) {
      triggers.forget(key);
      if (current) await removeOrphan(current);
      return;
    }
    if (service.spec?.type === 'ExternalName' || !hasSelector(service)) return;
    const selected = podsOf(service, podCache);
    const { subsets, truncated } = truncate(subsetsOf(service, selected));
    const labels = labelsOf(service);
    const triggered = triggers.next(key, service, selected);
    const written: Endpoints = {
      metadata: {
        ...(current?.metadata ?? { name: service.metadata.name, namespace: service.metadata.namespace }),
        labels,
        annotations: {
          ...without(current?.metadata.annotations, [TRIGGER_TIME, OVER_CAPACITY]),
          ...(triggered && { [TRIGGER_TIME]: triggered }),
          ...(truncated && { [OVER_CAPACITY]: 'truncated' }),
        },
      },
      ...(subsets.length > 0 && { subsets }),
    };
    if (!current) writes.wrote(key, await client.create(endpoints, written));
    else if (!says(current, written)) writes.wrote(key, await client.update(endpoints, written));
  }

  /** The object goes with its Service, whoever wrote it. One that never had any stays, until the next start. */
  async function removeOrphan({ metadata }: Endpoints): Promise<void> {
    const at = { name: metadata.name, namespace: metadata.namespace };
    await client.delete(endpoints, at, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    });
  }

  const caches = [podCache, serviceCache, cache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'endpoints', queue, informers: caches, concurrency, reconcile }, environment);
}

/** Leaders were once recorded in Endpoints that belong to no Service. */
function isLeaderRecord({ metadata }: Endpoints): boolean {
  return metadata.annotations?.[LEADER] !== undefined;
}

function says(current: Endpoints, wanted: Endpoints): boolean {
  return (
    isEqual(current.subsets, wanted.subsets) &&
    isEqual(current.metadata.labels, wanted.metadata.labels) &&
    current.metadata.annotations?.[OVER_CAPACITY] === wanted.metadata.annotations?.[OVER_CAPACITY]
  );
}

interface Address {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: EndpointPort[];
}

/** One subset per set of addresses: ports that the same pods serve share one. The same pods always give the same object. */
export function subsetsOf(service: Service, selected: readonly Pod[]): EndpointSubset[] {
  const family = service.spec?.ipFamilies?.[0] || 'IPv4';
  const byPort = new Map<string, { ports: EndpointPort[]; members: Address[] }>();
  for (const pod of selected) {
    const found = addressOf(service, pod, family);
    const ports = found && found.ports.length === 0 ? [undefined] : (found?.ports ?? []);
    for (const port of ports) {
      const key = JSON.stringify(port ?? null);
      const entry = byPort.get(key) ?? { ports: port ? [port] : [], members: [] };
      entry.members.push(found!);
      byPort.set(key, entry);
    }
  }
  const byMembers = new Map<string, { ports: EndpointPort[]; members: Address[] }>();
  for (const [, { ports, members }] of [...byPort].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const key = members.map(textOf).sort().join();
    const entry = byMembers.get(key) ?? { ports: [], members };
    entry.ports.push(...ports);
    byMembers.set(key, entry);
  }
  return [...byMembers.values()].map(({ ports, members }) => subsetOf(ports, members));
}

const textOf = ({ address: { ip, targetRef } }: Address): string => `${ip} ${targetRef?.uid}`;

function subsetOf(ports: EndpointPort[], members: readonly Address[]): EndpointSubset {
  const listed = (ready: boolean): EndpointAddress[] =>
    members
      .filter((member) => member.ready === ready)
      .sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1))
      .map(({ address }) => address);
  const [addresses, notReadyAddresses] = [listed(true), listed(false)];
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports }),
  };
}

function addressOf(service: Service, pod: Pod, family: string): Address | undefined {
  const publish = service.spec?.publishNotReadyAddresses ?? false;
  const ip = podIPs(pod).find((one) => familyOf(one) === family);
  if (!ip || isPodTerminal(pod) || (pod.metadata.deletionTimestamp && !publish)) return undefined;
  const ports: EndpointPort[] = [];
  for (const { name, protocol = 'TCP', appProtocol, ...one } of service.spec?.ports ?? []) {
    const port = targetPortOf(pod, { ...one, protocol });
    if (port !== undefined) {
      ports.push({ ...(name && { name }), port, protocol, ...(appProtocol && { appProtocol }) });
    }
  }
  if (ports.length === 0 && !(isHeadless(service) && !service.spec?.ports?.length)) return undefined;
  const { name, namespace, uid } = pod.metadata;
  const hostname = hostnameIn(service, pod);
  const { nodeName } = pod.spec!;
  const targetRef = { kind: 'Pod', name, namespace, uid };
  const address = { ip, ...(hostname && { hostname }), ...(nodeName && { nodeName }), targetRef };
  return { address, ready: publish || isPodReady(pod), ports };
}

/** Ready addresses first, in proportion to the subsets. */
function truncate(subsets: EndpointSubset[]): { subsets: EndpointSubset[]; truncated: boolean } {
  let room = MAX_ADDRESSES;
  let truncated = false;
  const take = (addresses: EndpointAddress[] | undefined): EndpointAddress[] | undefined => {
    const taken = addresses?.slice(0, room);
    room -= taken?.length ?? 0;
    truncated ||= taken?.length !== addresses?.length;
    return taken?.length ? taken : undefined;
  };
  const ready = subsets.map(({ addresses }) => take(addresses));
  const kept = subsets.map(({ notReadyAddresses, ports }, i) => {
    const [addresses, notReady] = [ready[i], take(notReadyAddresses)];
    return {
      ...(addresses && { addresses }),
      ...(notReady && { notReadyAddresses: notReady }),
      ...(ports && { ports }),
    };
  });
  return { subsets: truncated ? kept.filter((one) => one.addresses ?? one.notReadyAddresses) : subsets, truncated };
}

function labelsOf(service: Service): Record<string, string> {
  return {
    ...without(service.metadata.labels, [HEADLESS]),
    [MANAGED_BY]: 'endpoint-controller',
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
}

function without(map: Record<string, string> | undefined, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !keys.includes(key)));
}
