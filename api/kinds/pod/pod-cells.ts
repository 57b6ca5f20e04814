// What `kubectl get pods` shows of a pod (k8s.io/kubernetes v1.36 pkg/printers/internalversion/printers.go).
import { ageOf } from '../../age.ts';
import type { ContainerStatus, Pod } from '../../types/core.v1.ts';

interface Tally {
  ready: number;
  total: number;
  restarts: number;
  /** When the container that restarted last did, RFC 3339. */
  restartedAt: string | undefined;
  reason: string;
}

export function podCells(pod: Pod, now: number): unknown[] {
  const { spec, status = {}, metadata } = pod;
  const tally = tallyOf(pod);
  const restarts =
    tally.restarts > 0 && tally.restartedAt
      ? `${tally.restarts} (${ageOf(tally.restartedAt, now)} ago)`
      : tally.restarts;
  const gates = spec?.readinessGates ?? [];
  const open = gates.filter(({ conditionType }) =>
    status.conditions?.some((condition) => condition.type === conditionType && condition.status === 'True'),
  );
  return [
    metadata.name,
    `${tally.ready}/${tally.total}`,
    tally.reason,
    String(restarts),
    ageOf(metadata.creationTimestamp, now),
    status.podIPs?.[0]?.ip ?? status.podIP ?? '<none>',
    spec?.nodeName || '<none>',
    status.nominatedNodeName || '<none>',
    gates.length > 0 ? `${open.length}/${gates.length}` : '<none>',
  ];
}

function tallyOf(pod: Pod): Tally {
  const { spec, status = {}, metadata } = pod;
  const tally: Tally = {
    ready: 0,
    total: spec?.containers?.length ?? 0,
    restarts: 0,
    restartedAt: undefined,
    reason: status.reason || status.phase || '',
  };
  if (status.conditions?.some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated')) {
    tally.reason = 'SchedulingGated';
  }
  if (!countInit(pod, tally) || isInitialized(pod)) countContainers(pod, tally);
  if (metadata.deletionTimestamp && status.reason === 'NodeLost') tally.reason = 'Unknown';
  else if (metadata.deletionTimestamp && status.phase !== 'Failed' && status.phase !== 'Succeeded') {
    tally.reason = 'Terminating';
  }
  return tally;
}

function isInitialized({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Initialized' && status === 'True') ?? false;
}

/** True while an init container has not done its part; the reason then says which. */
function countInit({ spec, status }: Pod, tally: Tally): boolean {
  const containers = spec?.initContainers ?? [];
  const isSidecar = (name: string): boolean =>
    containers.some((container) => container.name === name && container.restartPolicy === 'Always');
  tally.total += containers.filter(({ name }) => isSidecar(name)).length;
  let waiting = false;
  for (const [i, container] of (status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting: pending } = container.state ?? {};
    countRestarts(container, tally);
    if (terminated?.exitCode === 0) continue;
    if (isSidecar(container.name) && container.started) {
      if (container.ready) tally.ready += 1;
      continue;
    }
    if (terminated) tally.reason = `Init:${terminated.reason || exitReason(terminated)}`;
    else if (pending?.reason && pending.reason !== 'PodInitializing') tally.reason = `Init:${pending.reason}`;
    else tally.reason = `Init:${i}/${containers.length}`;
    waiting = true;
    break;
  }
  return waiting;
}

function countContainers({ status }: Pod, tally: Tally): void {
  let running = false;
  tally.restarts = status?.initContainerStatuses?.length ? tally.restarts : 0;
  for (const container of [...(status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated } = container.state ?? {};
    countRestarts(container, tally);
    if (waiting?.reason) tally.reason = waiting.reason;
    else if (terminated) tally.reason = terminated.reason || exitReason(terminated);
    else if (container.ready && container.state?.running) {
      running = true;
      tally.ready += 1;
    }
  }
  // A pod with one finished and one running container is running.
  if (tally.reason !== 'Completed' || !running) return;
  const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  tally.reason = ready ? 'Running' : 'NotReady';
}

function countRestarts(container: ContainerStatus, tally: Tally): void {
  tally.restarts += container.restartCount ?? 0;
  const at = container.lastState?.terminated?.finishedAt;
  if (at && (!tally.restartedAt || at > tally.restartedAt)) tally.restartedAt = at;
}

function exitReason({ signal, exitCode }: { signal?: number; exitCode: number }): string {
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}
