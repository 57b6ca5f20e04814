// Pods that this node refuses to run, whoever bound them to it (upstream pkg/kubelet/lifecycle/handlers.go, pkg/kubelet/sysctl).
import type { Pod } from '../../api/types/core.v1.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** What one pod may set without being felt by others (upstream pkg/kubelet/sysctl/safe_sysctls.go). */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** Why the pod is refused, in upstream's words; undefined: it is not. */
export function refusalOf({ spec }: Pod): Refusal | undefined {
  if (spec?.os && spec.os.name !== 'linux') {
    const message = "Failed to admit pod as the OS field doesn't match node OS";
    return { reason: 'PodOSNotSupported', message };
  }
  for (const { name } of spec?.securityContext?.sysctls ?? []) {
    const problem = sysctlProblem(name, spec?.hostNetwork);
    if (problem) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" ${problem}` };
  }
  return undefined;
}

/** Slashes and dots part the words alike (sysctl(8)). */
export const sysctlPath = (name: string): string => `/proc/sys/${name.replaceAll('.', '/')}`;

function sysctlProblem(name: string, hostNetwork: boolean | undefined): string | undefined {
  const dotted = name.replaceAll('/', '.');
  if (hostNetwork && dotted.startsWith('net.')) return 'not allowed with host net enabled';
  return SAFE_SYSCTLS.has(dotted) ? undefined : 'not allowlisted';
}

/** What a pod may ask for and no container here gets; it runs without. */
export function unsupported({ spec }: Pod): string[] {
  const { hostPID, hostIPC, hostUsers, runtimeClassName, securityContext = {}, containers = [] } = spec ?? {};
  const { supplementalGroups, fsGroup, runAsGroup } = securityContext;
  const ownGroup = runAsGroup ?? fsGroup ?? 0;
  const otherGroups = [...(supplementalGroups ?? []), ...(fsGroup === undefined ? [] : [fsGroup])];
  return [
    ...(hostPID ? ['spec.hostPID'] : []),
    ...(hostIPC ? ['spec.hostIPC'] : []),
    ...(hostUsers === false ? ['spec.hostUsers: false'] : []),
    ...(runtimeClassName ? ['spec.runtimeClassName'] : []),
    // The one who runs the node has one group to give: under which number, the pod may choose.
    ...(otherGroups.some((group) => group !== ownGroup) ? [`a second group besides ${ownGroup}`] : []),
    ...(containers.some(({ volumeDevices }) => volumeDevices?.length) ? ['volumeDevices'] : []),
  ];
}
