// What the world is told of one container. Pure. Rules: upstream pkg/kubelet/kubelet_pods.go (convertToAPIContainerStatuses), v1.36.
import { createHash } from 'node:crypto';
import type {
  Container,
  ContainerState as ContainerStateField,
  ContainerStatus,
  VolumeMountStatus,
} from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { ContainerState } from '../runtime.ts';

/** One start of a container, and what it left to be read. */
export type Attempt = ContainerState & {
  readonly message?: string;
  /** Nobody saw it end: the node went away under it. */
  readonly isLost?: boolean;
};

/** One container of the pod as the agent sees it. */
export interface ContainerView {
  readonly spec: Container;
  readonly imageID?: string;
  /** The newest attempt; absent: never started. */
  readonly current?: Attempt;
  /** The attempt before, when it is still known. */
  readonly previous?: Attempt;
  readonly restartCount: number;
  /** Why it does not run, when it should: `CrashLoopBackOff`, `ErrImagePull`, … */
  readonly waiting?: { readonly reason: string; readonly message?: string };
  /** Its startup probe, if any, has succeeded. */
  readonly isStarted: boolean;
  /** Its readiness probe, if any, says so. */
  readonly isReady: boolean;
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

export function isContainerReady({ current, isReady, isStarted }: ContainerView): boolean {
  return Boolean(current?.running && isStarted && isReady);
}

/** `initial` is the reason a container waits with that nobody has tried to start. */
export function containerStatus(view: ContainerView, ready: boolean, initial = 'ContainerCreating'): ContainerStatus {
  const { spec, imageID, current, previous, restartCount, waiting, isStarted } = view;
  const running = current?.running ?? false;
  const last = waiting && current && !running ? current : previous;
  const { resources = {}, volumeMounts = [] } = spec;
  return {
    name: spec.name,
    state: stateField(view, initial),
    lastState: last && !last.running ? { terminated: terminated(last) } : {},
    ready,
    restartCount,
    image: spec.image ?? '',
    imageID: imageID ?? '',
    ...(current && { containerID: containerIDField(current.id) }),
    started: running && isStarted,
    ...(resources.requests && { allocatedResources: resources.requests }),
    ...(running && { resources }),
    ...(volumeMounts.length > 0 && { volumeMounts: volumeMounts.map(mountStatus) }),
  };
}

function mountStatus({
  name,
  mountPath,
  readOnly,
}: {
  name: string;
  mountPath: string;
  readOnly?: boolean;
}): VolumeMountStatus {
  return { name, mountPath, ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }) };
}

function stateField({ current, waiting }: ContainerView, initial: string): ContainerStateField {
  if (current?.running) return { running: { startedAt: rfc3339(current.startedAt) } };
  if (waiting) return { waiting: { ...waiting } };
  return current ? { terminated: terminated(current) } : { waiting: { reason: initial } };
}

function terminated(state: Attempt): NonNullable<ContainerStateField['terminated']> {
  const exitCode = state.exitCode ?? 137;
  const message = state.startError ?? state.message;
  return {
    exitCode,
    reason: endReason(state, exitCode),
    ...(message !== undefined && { message }),
    startedAt: rfc3339(state.startedAt),
    finishedAt: rfc3339(state.finishedAt ?? state.startedAt),
    containerID: containerIDField(state.id),
  };
}

/** As containerd words them. */
function endReason({ startError, oomKilled, isLost }: Attempt, exitCode: number): string {
  if (isLost) return 'Unknown';
  if (startError !== undefined) return 'StartError';
  if (oomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}

/** Container ids of the API are opaque; ours are a hash of the name that tells pod, container and attempt apart. */
export function containerIDField(id: string): string {
  return `vitrine://${createHash('sha256').update(id).digest('hex')}`;
}
