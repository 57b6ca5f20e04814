// Which container a request means: by pod and name, from what the runtime has and what the pod's status says.
import type { ContainerStatus, Pod } from '../../api/types/core.v1.ts';
import { type ContainerState, parseContainerID, type Runtime } from '../runtime.ts';

/** A container's specification, of whatever sort the container is. */
export interface NamedContainer {
  readonly name: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

export function containerSpec({ spec }: Pod, name: string): NamedContainer | undefined {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  return all.find((container) => container.name === name);
}

/** All attempts of a container that are there, the newest first. */
export function attempts(runtime: Runtime, pod: Pod, name: string): ContainerState[] {
  return runtime
    .list()
    .map((state) => ({ state, ...parseContainerID(state.id) }))
    .filter((one) => one.podUID === pod.metadata.uid && one.name === name)
    .sort((a, b) => b.attempt - a.attempt)
    .map(({ state }) => state);
}

export function runningContainer(runtime: Runtime, pod: Pod, name: string): ContainerState | undefined {
  return attempts(runtime, pod, name).find(({ running }) => running);
}

/**
 * Whose log is meant: the newest attempt's, or the one's before it. Throws an error that says why there is none
 * (kubernetes v1.36 pkg/kubelet/kubelet_pods.go validateContainerLogStatus).
 */
export function loggedContainer(runtime: Runtime, pod: Pod, name: string, previous: boolean): ContainerState {
  const which = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata.name)}`;
  const found = attempts(runtime, pod, name).filter(({ startError }) => !startError);
  const [newest, before] = found;
  if (previous) {
    // Between two attempts the newest one has ended already.
    const status = statusOf(pod, name);
    const isBetween = newest && !newest.running && status?.state?.waiting !== undefined;
    const last = isBetween ? newest : before;
    if (!last) throw new Error(`previous terminated ${which} not found`);
    return last;
  }
  if (newest) return newest;
  const status = statusOf(pod, name);
  if (!status) throw new Error(`${which} is not available`);
  if (status.state?.terminated) throw new Error(`${which} is terminated`);
  const reason = status.state?.waiting?.reason;
  if (reason === 'ErrImagePull') throw new Error(`${which} is waiting to start: image can't be pulled`);
  if (reason === 'ImagePullBackOff') throw new Error(`${which} is waiting to start: trying and failing to pull image`);
  throw new Error(reason ? `${which} is waiting to start: ${reason}` : `${which} is waiting to start - no logs yet`);
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses];
  return all.flatMap((one) => one ?? []).find((one) => one.name === name);
}
