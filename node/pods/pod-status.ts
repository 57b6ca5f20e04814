// What the world is told of a pod, computed from what its containers do. Pure. Rules: upstream pkg/kubelet/kubelet_pods.go
// (getPhase, convertToAPIContainerStatuses) and pkg/kubelet/status/generate.go, v1.36.
import { createHash } from 'node:crypto';
import type {
  Container,
  ContainerState as ContainerStateField,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { ContainerState } from '../runtime.ts';
import { wantsRestart } from './restart-backoff.ts';

/** One container of the pod as the agent sees it. */
export interface ContainerView {
  readonly spec: Container;
  readonly imageID?: string;
  /** The newest attempt; absent: never started. */
  readonly current?: ContainerState;
  /** The attempt before, when it is still known. */
  readonly previous?: ContainerState;
  readonly restartCount: number;
  /** Why it does not run, when it should: `CrashLoopBackOff`, `ErrImagePull`, … */
  readonly waiting?: { readonly reason: string; readonly message?: string };
  /** Its startup probe, if any, has succeeded. */
  readonly isStarted: boolean;
  /** Its readiness probe, if any, says so. */
  readonly isReady: boolean;
}

export interface PodView {
  readonly pod: Pod;
  readonly initContainers: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  readonly hostIP: string;
  /** Absent until the pod has a sandbox. */
  readonly podIP?: string;
  /** ms since the epoch: when the agent first saw the pod. */
  readonly startedAt: number;
}

/** The whole status; `old` keeps transition times that still hold and conditions that are not ours. */
export function podStatus(view: PodView, old: PodStatus | undefined, now: number): PodStatus {
  const { pod, initContainers, containers, hostIP, podIP, startedAt } = view;
  const phase = podPhase(view);
  const generation = pod.metadata.generation;
  return {
    ...(generation && { observedGeneration: generation }),
    phase,
    conditions: withTransitionTimes(podConditions(view, phase), old?.conditions ?? [], now, generation),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP && { podIP, podIPs: [{ ip: podIP }] }),
    startTime: old?.startTime ?? rfc3339(startedAt),
    ...(initContainers.length > 0 && {
      initContainerStatuses: initContainers.map((one) =>
        containerStatus(one, isSidecar(one.spec) ? isContainerReady(one) : isInitDone(one)),
      ),
    }),
    containerStatuses: containers.map((one) => containerStatus(one, isContainerReady(one))),
  };
}

export function podPhase({ pod, initContainers, containers }: PodView): NonNullable<PodStatus['phase']> {
  const policy = pod.spec?.restartPolicy;
  const failedInit = initContainers.some((one) => exitCodeOf(one) && policy === 'Never' && !isSidecar(one.spec));
  if (failedInit) return 'Failed';
  if (!initContainers.every(isInitDone)) return 'Pending';
  if (containers.some((one) => !one.current)) return 'Pending';
  if (containers.some((one) => one.current?.running)) return 'Running';
  if (containers.some((one) => wantsRestart(policy, exitCodeOf(one) ?? 0))) return 'Running';
  return containers.every((one) => exitCodeOf(one) === 0) ? 'Succeeded' : 'Failed';
}

/** The exit code of a container whose newest attempt has ended. */
export function exitCodeOf({ current }: ContainerView): number | undefined {
  return current && !current.running ? (current.exitCode ?? 137) : undefined;
}

/** An init container that runs beside the others (KEP-753). */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Whether what comes after this init container may start. A sidecar that has been up once no longer holds anything up. */
export function isInitDone(view: ContainerView): boolean {
  if (!isSidecar(view.spec)) return exitCodeOf(view) === 0;
  return view.restartCount > 0 || Boolean(view.current?.running && view.isStarted);
}

function isContainerReady({ current, isReady, isStarted }: ContainerView): boolean {
  return Boolean(current?.running && isStarted && isReady);
}

type Condition = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

function podConditions(view: PodView, phase: string): Condition[] {
  const { pod, podIP, containers } = view;
  const containersReady = readyCondition('ContainersReady', view, phase);
  const gates = pod.spec?.readinessGates ?? [];
  const isTrue = (type: string): boolean =>
    pod.status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  const unmet = gates.filter(({ conditionType }) => !isTrue(conditionType));
  const hasRun =
    podIP !== undefined && !(phase !== 'Running' && containers.every((one) => exitCodeOf(one) !== undefined));
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
    .map(({ conditionType }) =>
      known.some(({ type }) => type === conditionType)
        ? `the status of pod readiness gate "${conditionType}" is not "True", but False`
        : `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
    )
    .join(', ');
}

function initializedCondition({ initContainers }: PodView, phase: string): Condition {
  const open = initContainers.filter((one) => !isInitDone(one)).map(({ spec }) => spec.name);
  if (open.length === 0) {
    return { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) };
  }
  const message = `containers with incomplete status: [${open.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function readyCondition(type: string, { containers }: PodView, phase: string): Condition {
  if (phase === 'Succeeded') return { type, status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' };
  const unready = containers.filter((one) => !isContainerReady(one)).map(({ spec }) => spec.name);
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

export function containerStatus(view: ContainerView, ready: boolean): ContainerStatus {
  const { spec, imageID, current, previous, restartCount, waiting, isStarted } = view;
  const running = current?.running ?? false;
  const last = waiting && current && !running ? current : previous;
  return {
    name: spec.name,
    state: stateField(view),
    lastState: last && !last.running ? { terminated: terminated(last) } : {},
    ready,
    restartCount,
    image: spec.image ?? '',
    imageID: imageID ?? '',
    ...(current && { containerID: containerIDField(current.id) }),
    started: running && isStarted,
  };
}

function stateField({ current, waiting }: ContainerView): ContainerStateField {
  if (current?.running) return { running: { startedAt: rfc3339(current.startedAt) } };
  if (waiting) return { waiting: { ...waiting } };
  return current ? { terminated: terminated(current) } : { waiting: { reason: 'ContainerCreating' } };
}

function terminated(state: ContainerState): NonNullable<ContainerStateField['terminated']> {
  const exitCode = state.exitCode ?? 137;
  return {
    exitCode,
    reason: state.startError !== undefined ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error',
    ...(state.startError !== undefined && { message: state.startError }),
    startedAt: rfc3339(state.startedAt),
    finishedAt: rfc3339(state.finishedAt ?? state.startedAt),
    containerID: containerIDField(state.id),
  };
}

/** Container ids of the API are opaque; ours are a hash of the name that tells pod, container and attempt apart. */
export function containerIDField(id: string): string {
  return `vitrine://${createHash('sha256').update(id).digest('hex')}`;
}
