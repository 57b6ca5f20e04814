// What the world is told of a pod, computed from what its containers do. Pure. Rules: upstream pkg/kubelet/kubelet_pods.go
// (getPhase) and pkg/kubelet/status/generate.go, v1.36.
import type { Pod, PodCondition, PodStatus } from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import {
  type ContainerView,
  containerStatus,
  exitCodeOf,
  isContainerReady,
  isInitDone,
  isSidecar,
} from './container-status.ts';
import { containerWantsRestart } from './restart-backoff.ts';

export interface PodView {
  readonly pod: Pod;
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  readonly ephemeralContainers?: readonly ContainerView[];
  /** One of each address family at most, the primary first. */
  readonly hostIPs: readonly string[];
  /** Absent until the pod has a sandbox. */
  readonly podIPs?: readonly string[];
  /** ms since the epoch: when the agent first saw the pod. */
  readonly startedAt: number;
  /** Why the node has given the pod up: `DeadlineExceeded`, `Evicted`. */
  readonly failure?: { readonly reason: string; readonly message: string };
  /** It has been told to end: nothing starts again. */
  readonly isTerminal?: boolean;
}

/** The whole status; `old` keeps transition times that still hold and conditions that are not ours. */
export function podStatus(view: PodView, old: PodStatus | undefined, now: number): PodStatus {
  const { pod, initContainers, containers, ephemeralContainers = [], hostIPs, podIPs, startedAt, failure } = view;
  const phase = podPhase(view);
  const generation = pod.metadata.generation;
  const initial = initContainers.length > 0 ? 'PodInitializing' : 'ContainerCreating';
  return {
    ...(generation && { observedGeneration: generation }),
    phase,
    ...failure,
    conditions: withTransitionTimes(podConditions(view, phase), old?.conditions ?? [], now, generation),
    hostIP: hostIPs[0],
    hostIPs: hostIPs.map((ip) => ({ ip })),
    ...(podIPs && { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) }),
    startTime: old?.startTime ?? rfc3339(startedAt),
    ...(initContainers.length > 0 && {
      initContainerStatuses: initContainers.map((one) =>
        containerStatus(one, isSidecar(one.spec) ? isContainerReady(one) : isInitDone(one), initial),
      ),
    }),
    containerStatuses: containers.map((one) => containerStatus(one, isContainerReady(one), initial)),
    ...(ephemeralContainers.length > 0 && {
      ephemeralContainerStatuses: ephemeralContainers.map((one) => {
        const { started: _, ...status } = containerStatus(one, false);
        return status;
      }),
    }),
  };
}

export function podPhase({
  pod,
  initContainers,
  containers,
  failure,
  isTerminal,
}: PodView): NonNullable<PodStatus['phase']> {
  if (failure) return 'Failed';
  const policy = pod.spec?.restartPolicy;
  const failedInit = initContainers.some((one) => exitCodeOf(one) && policy === 'Never' && !isSidecar(one.spec));
  if (failedInit) return 'Failed';
  const hasBegun = containers.some(({ current }) => current);
  if (!hasBegun && !initContainers.every(isInitDone)) return 'Pending';
  if (containers.some((one) => !one.current)) return 'Pending';
  if (containers.some((one) => one.current?.running)) return 'Running';
  if (!isTerminal && containers.some((one) => containerWantsRestart(policy, one.spec, exitCodeOf(one) ?? 0))) {
    return 'Running';
  }
  return containers.every((one) => exitCodeOf(one) === 0) ? 'Succeeded' : 'Failed';
}

type Condition = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

function podConditions(view: PodView, phase: string): Condition[] {
  const { pod, podIPs, containers } = view;
  const containersReady = readyCondition('ContainersReady', view, phase);
  const gates = pod.spec?.readinessGates ?? [];
  const isTrue = (type: string): boolean =>
    pod.status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  const unmet = gates.filter(({ conditionType }) => !isTrue(conditionType));
  const hasRun =
    podIPs !== undefined && !(phase !== 'Running' && containers.every((one) => exitCodeOf(one) !== undefined));
  return [
    { type: 'PodReadyToStartContainers', status: hasRun ? 'True' : 'False' },
    initializedCondition(view, phase),
    containersReady.status === 'True' && unmet.length > 0
      ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: gatesMessage(pod, unmet) }
      : { ...containersReady, type: 'Ready' },
    containersReady,
    { type: 'PodScheduled', status: 'True' },
  ];
}

function gatesMessage(pod: Pod, unmet: readonly { conditionType: string }[]): string {
  const known = pod.status?.conditions ?? [];
  return unmet
    .map(({ conditionType }) => {
      const found = known.find(({ type }) => type === conditionType);
      return found
        ? `the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`
        : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`;
    })
    .join(', ');
}

function initializedCondition({ initContainers, containers }: PodView, phase: string): Condition {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const open = initContainers.filter((one) => !isInitDone(one)).map(({ spec }) => spec.name);
  if (open.length === 0 || containers.some(({ current }) => current)) return { type: 'Initialized', status: 'True' };
  const message = `containers with incomplete status: [${open.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function readyCondition(type: string, { initContainers, containers }: PodView, phase: string): Condition {
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = [...initContainers.filter(({ spec }) => isSidecar(spec)), ...containers]
    .filter((one) => !isContainerReady(one))
    .map(({ spec }) => spec.name);
  if (unready.length === 0) return { type, status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

function withTransitionTimes(
  conditions: readonly Condition[],
  old: readonly PodCondition[],
  now: number,
  observedGeneration: number | undefined,
): PodCondition[] {
  return conditions.map((condition) => {
    const before = old.find(({ type }) => type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    const at = since ?? rfc3339(now);
    return { ...condition, ...(observedGeneration && { observedGeneration }), lastTransitionTime: at };
  });
}
