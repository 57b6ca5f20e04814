// The EndpointSlice controller: the pods a Service selects, as slices of at most a hundred endpoints
// (upstream pkg/controller/endpointslice and k8s.io/endpointslice).

import { familyOf } from '../api/ip.ts';
import { keyOf } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Node, Pod, Service } from '../api/types/core.v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../api/types/discovery.v1.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { endpointSlices, nodes, pods, services } from '../client/resources.ts';
import type { WorkQueue } from '../client/workqueue.ts';
import type { Controller, Environment } from './environment.ts';
import { byNode } from './informers.ts';
import { controlLoop } from './loop.ts';
import { OwnWrites } from './own-writes.ts';
import { isPodReady, isPodTerminal, podIPs, targetPortOf } from './pods.ts';
import { hasSelector, hostnameIn, isHeadless, podsOf, watchServicesOfPods } from './services-of-pods.ts';
import { type PortGroup, planSlices, portsKey } from './slice-plan.ts';
import { HEADLESS, MANAGED_BY, SERVICE_NAME, writeSlices } from './slice-writer.ts';
import { hintsFor } from './topology-hints.ts';
import { TRIGGER_TIME, TriggerTimes } from './trigger-times.ts';

export const SLICE_CONTROLLER = 'endpointslice-controller.k8s.io';

/** Slices by the key of the Service they belong to, whoever manages them. */
export const byService = {
  service: ({ metadata }: EndpointSlice): string[] => {
    const name = metadata.labels?.[SERVICE_NAME];
    return name ? [`${metadata.namespace}/${name}`] : [];
  },
};

export function endpointSliceController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('endpoint_slice');
  const podCache = informers.of(pods, byNode);
  const serviceCache = informers.of(services);
  const nodeCache = informers.of(nodes);
  const sliceCache = informers.of(endpointSlices, byService);
  const writes = new OwnWrites(sliceCache, queue, clock);
  const triggers = new TriggerTimes();
  /** Services that lost a slice: maybe because they are gone themselves, which our cache need not know yet. */
  const lost = new Set<string>();

  const enqueue = (service: Service): void => queue.add(keyOf(service));
  const forget = (service: Service): void => {
    triggers.forget(keyOf(service));
    lost.delete(keyOf(service));
  };
  serviceCache.addHandlers({ add: enqueue, update: enqueue, delete: forget });
  watchServicesOfPods({ pods: podCache, services: serviceCache, enqueue: (key) => queue.add(key) });
  watchNodes(nodeCache, podCache, serviceCache, queue);
  watchSlices(sliceCache, queue, lost);

  async function reconcile(key: string): Promise<void> {
    const service = serviceCache.get(key);
    if (!service || service.metadata.deletionTimestamp) return; // its slices go with it: they are owned
    if (service.spec?.type === 'ExternalName' || !hasSelector(service)) return;
    if (!writes.caughtUp(key)) return;
    if (lost.delete(key) && !(await stillExists(client, service))) return;
    const selected = podsOf(service, podCache);
    const existing = sliceCache
      .byIndex('service', key)
      .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === SLICE_CONTROLLER && !metadata.deletionTimestamp);
    const families = service.spec?.ipFamilies?.filter((family) => family !== '') ?? ['IPv4' as const];
    const triggered = triggers.next(key, service, selected);
    for (const addressType of families) {
      const groups = groupByPorts(service, selected, addressType, nodeCache);
      const mine = existing.filter((slice) => slice.addressType === addressType);
      const plan = planSlices(mine, hintsFor(service, groups), options.maxEndpointsPerSlice);
      const annotations: Record<string, string> = triggered ? { [TRIGGER_TIME]: triggered } : {};
      const owner = { resource: services, object: service };
      await writeSlices({ client, writes, key }, { addressType, labels: labelsOf(service), annotations, owner }, plan);
    }
    const foreign = existing.filter(({ addressType }) => !families.includes(addressType as 'IPv4'));
    const owner = { resource: services, object: service };
    const frame = { addressType: 'IPv4' as const, labels: {}, annotations: {}, owner };
    if (foreign.length > 0) {
      await writeSlices({ client, writes, key }, frame, { create: [], update: [], remove: foreign });
    }
  }

  const caches = [podCache, serviceCache, nodeCache, sliceCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'endpointslice', queue, informers: caches, concurrency, reconcile }, environment);
}

/** An endpoint names its node's zone, and waits for its node to exist. */
function watchNodes(
  nodeCache: Informer<Node>,
  podCache: Informer<Pod>,
  serviceCache: Informer<Service>,
  queue: WorkQueue,
): void {
  const wake = (node: Node): void => {
    const namespaces = new Set(podCache.byIndex('node', node.metadata.name).map((pod) => pod.metadata.namespace!));
    for (const namespace of namespaces) {
      for (const service of serviceCache.byIndex('namespace', namespace)) queue.add(keyOf(service));
    }
  };
  nodeCache.addHandlers({
    add: wake,
    update: (node, old) => zoneOf(node) !== zoneOf(old) && wake(node),
    delete: wake,
  });
}

/** A slice someone else changed or removed is put right; our own writes wake nobody, because they change nothing. */
function watchSlices(sliceCache: Informer<EndpointSlice>, queue: WorkQueue, lost: Set<string>): void {
  const wake = ({ metadata }: EndpointSlice): void => {
    const name = metadata.labels?.[SERVICE_NAME];
    if (name && metadata.labels?.[MANAGED_BY] === SLICE_CONTROLLER) queue.add(`${metadata.namespace}/${name}`);
  };
  sliceCache.addHandlers({
    update(slice, old) {
      wake(slice);
      if (old.metadata.labels?.[SERVICE_NAME] !== slice.metadata.labels?.[SERVICE_NAME]) wake(old);
    },
    delete(slice) {
      const { namespace, labels } = slice.metadata;
      if (labels?.[SERVICE_NAME]) lost.add(`${namespace}/${labels[SERVICE_NAME]}`);
      wake(slice);
    },
  });
}

/** Asks the server: a slice made for a Service that is gone would be collected, and made again, and collected. */
async function stillExists(client: Client, { metadata }: Service): Promise<boolean> {
  try {
    const live = await client.get(services, { name: metadata.name, namespace: metadata.namespace });
    return live.metadata.uid === metadata.uid;
  } catch (error) {
    if (isReason(error, 'NotFound')) return false;
    throw error;
  }
}

const zoneOf = (node: Node | undefined): string | undefined => node?.metadata.labels?.['topology.kubernetes.io/zone'];

function groupByPorts(
  service: Service,
  selected: readonly Pod[],
  family: 'IPv4' | 'IPv6',
  nodeCache: Informer<Node>,
): PortGroup[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of selected) {
    const endpoint = endpointOf(service, pod, family, nodeCache);
    if (!endpoint) continue;
    const ports = portsOf(service, pod);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(endpoint);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports: EndpointPort[] = [];
  for (const one of service.spec?.ports ?? []) {
    const port = targetPortOf(pod, one);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = one;
    ports.push({ name, port, protocol, ...(appProtocol && { appProtocol }) });
  }
  return ports;
}

/** undefined: nothing to publish of this pod, yet or any more. */
function endpointOf(
  service: Service,
  pod: Pod,
  family: 'IPv4' | 'IPv6',
  nodeCache: Informer<Node>,
): Endpoint | undefined {
  const addresses = podIPs(pod).filter((ip) => familyOf(ip) === family);
  if (addresses.length === 0 || isPodTerminal(pod)) return undefined;
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const { nodeName } = pod.spec!;
  const publish = service.spec?.publishNotReadyAddresses ?? false;
  const node = nodeName ? nodeCache.get(nodeName) : undefined;
  if (nodeName && !node && !publish) return undefined;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const hostname = hostnameIn(service, pod);
  const zone = zoneOf(node);
  return {
    addresses,
    conditions: { ready: publish || (serving && !terminating), serving, terminating },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', name, namespace, uid },
    ...(zone && { zone }),
  };
}

/** The Service's own labels, and those by which its slices are found. */
function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS]: _, ...labels } = service.metadata.labels ?? {};
  return {
    ...labels,
    [MANAGED_BY]: SLICE_CONTROLLER,
    [SERVICE_NAME]: service.metadata.name,
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
}
