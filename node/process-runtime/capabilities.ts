// What a container may do, as numbers of Linux capabilities (include/uapi/linux/capability.h).
import type { Security } from '../runtime.ts';

/** In the kernel's order: the place is the number. */
const NAMES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** What containerd and Docker leave a container that asks for nothing. */
const USUAL = (
  'CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE ' +
  'SETFCAP'
).split(' ');

/** Sorted numbers. Unknown names are left out: nobody has what does not exist. */
export function keptCapabilities(security: Security | undefined): number[] {
  if (security?.privileged) return [...NAMES.keys()];
  const dropped = named(security?.dropCapabilities);
  const kept = new Set([...USUAL.filter((name) => !dropped.has(name)), ...named(security?.addCapabilities)]);
  return [...NAMES.keys()].filter((number) => kept.has(NAMES[number]));
}

function named(names: readonly string[] = []): Set<string> {
  return new Set(names.flatMap((name) => (name === 'ALL' ? NAMES : [name.replace(/^CAP_/, '')])));
}
