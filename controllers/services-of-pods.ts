// Which Services a pod belongs to, before and after a change: what both endpoint controllers are woken by.
import { keyOf } from '../api/object.ts';
import type { Pod, Service } from '../api/types/core.v1.ts';
import type { Informer } from '../client/informer.ts';
import { isEqual } from './equality.ts';
import { isPodReady, isPodTerminal, podIPs } from './pods.ts';
import { matchesLabels } from './selection.ts';

export interface ServicesOfPods {
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  /** Called with the key of every Service whose endpoints a change of a pod may change. */
  enqueue(serviceKey: string): void;
}

export function watchServicesOfPods({ pods, services, enqueue }: ServicesOfPods): void {
  const wake = (...versions: Pod[]): void => {
    for (const service of services.byIndex('namespace', versions[0].metadata.namespace!)) {
      const selector = service.spec?.selector;
      if (versions.some((pod) => matchesLabels(selector, pod.metadata.labels))) enqueue(keyOf(service));
    }
  };
  pods.addHandlers({
    add: (pod) => wake(pod),
    update(pod, old) {
      const relabelled = !isEqual(pod.metadata.labels, old.metadata.labels);
      if (relabelled) wake(pod, old);
      else if (endpointChanged(pod, old)) wake(pod);
    },
    delete: (pod) => wake(pod),
  });
}

/** Whether anything an endpoint says about its pod differs (upstream endpointslice/util/controller_utils.go). */
function endpointChanged(pod: Pod, old: Pod): boolean {
  return (
    isPodReady(pod) !== isPodReady(old) ||
    isPodTerminal(pod) !== isPodTerminal(old) ||
    pod.metadata.uid !== old.metadata.uid ||
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.spec?.hostname !== old.spec?.hostname ||
    pod.spec?.subdomain !== old.spec?.subdomain ||
    podIPs(pod).join() !== podIPs(old).join()
  );
}

/** The pods a Service selects. */
export function podsOf(service: Service, pods: Informer<Pod>): Pod[] {
  const selector = service.spec?.selector;
  return pods
    .byIndex('namespace', service.metadata.namespace!)
    .filter((pod) => matchesLabels(selector, pod.metadata.labels));
}

export function hasSelector(service: Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0;
}

/** Headless: no cluster IP, or none yet. */
export function isHeadless(service: Service): boolean {
  return !service.spec?.clusterIP || service.spec.clusterIP === 'None';
}

/** The name DNS gives the pod below this Service; undefined when it has none there. */
export function hostnameIn(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}
