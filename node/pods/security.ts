// As whom a container runs, from what its pod and it say (upstream pkg/securitycontext/util.go,
// pkg/kubelet/kuberuntime/security_context.go).
import type { Container, Pod } from '../../api/types/core.v1.ts';
import type { Security } from '../runtime.ts';
import { ConfigError } from './downward-api.ts';
import { podFullName } from './pod-context.ts';

/** What the container says wins over what the pod says. */
export function containerSecurity(pod: Pod, { securityContext: own = {} }: Container): Security {
  const ofPod = pod.spec?.securityContext ?? {};
  const { privileged = false, capabilities } = own;
  return {
    uid: own.runAsUser ?? ofPod.runAsUser,
    // The lab has one group to give: the volumes' group when nothing else is asked for.
    gid: own.runAsGroup ?? ofPod.runAsGroup ?? ofPod.fsGroup,
    readOnlyRoot: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false && !privileged,
    privileged,
    addCapabilities: capabilities?.add ?? [],
    dropCapabilities: capabilities?.drop ?? [],
  };
}

/** Throws ConfigError when the container must not run as root and would, or nobody knows. `imageUser`: `NAME`, `UID[:GID]`, nothing. */
export function checkNonRoot(pod: Pod, container: Container, imageUser: string | undefined): void {
  const { runAsNonRoot = pod.spec?.securityContext?.runAsNonRoot } = container.securityContext ?? {};
  if (!runAsNonRoot) return;
  const { uid } = containerSecurity(pod, container);
  const where = `(pod: ${JSON.stringify(podFullName(pod))}, container: ${container.name})`;
  if (uid !== undefined) {
    if (uid === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  const name = imageUser?.split(':')[0] ?? '0';
  if (!/^\d+$/.test(name)) {
    const what = `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`;
    throw new ConfigError(`${what} ${where}`);
  }
  if (Number(name) === 0) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}
