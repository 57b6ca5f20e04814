// What controllers want to know of a pod (k8s.io/kubernetes pkg/api/v1/pod/util.go).
import type { Container, Pod, PodCondition, ServicePort } from '../api/types/core.v1.ts';

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for `minReadySeconds` already; `now` in ms. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false;
  return minReadySeconds === 0 || availableIn(pod, minReadySeconds, now) <= 0;
}

/** ms until a ready pod counts as available. */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number {
  const since = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
  return since + minReadySeconds * 1000 - now;
}

/** Will never run again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
}

export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && !pod.metadata.deletionTimestamp;
}

/** The number of `port`'s target in this pod; undefined when the pod has no port of that name. */
export function targetPortOf(pod: Pod, port: ServicePort): number | undefined {
  const { targetPort, protocol = 'TCP' } = port;
  if (typeof targetPort !== 'string') return targetPort || port.port;
  const sidecars = (pod.spec?.initContainers ?? []).filter((one: Container) => one.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((one) => one.name === targetPort && (one.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

export function podIPs(pod: Pod): string[] {
  const all = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== undefined);
  return all.length > 0 ? all : pod.status?.podIP ? [pod.status.podIP] : [];
}
