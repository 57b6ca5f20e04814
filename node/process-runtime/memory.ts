// Memory limits where the kernel keeps none for us: a look at what each container's processes hold, a few times a second.
import { readdirSync, readlinkSync } from 'node:fs';
import { readIfThere } from './state-files.ts';

export interface Watched {
  readonly id: string;
  /** Of the container's first process; its pid namespace tells the others. */
  readonly pid: number;
  /** Bytes. */
  readonly limit: number;
}

/** The ids of those that hold more than they may. */
export function overLimit(watched: readonly Watched[]): string[] {
  if (watched.length === 0) return [];
  const held = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const space = pidNamespace(pid);
    if (space) held.set(space, (held.get(space) ?? 0) + residentBytes(readIfThere(`/proc/${pid}/status`) ?? ''));
  }
  return watched.filter(({ pid, limit }) => (held.get(pidNamespace(`${pid}`) ?? '') ?? 0) > limit).map(({ id }) => id);
}

/** What a process holds of its own, without the files it has mapped, as a cgroup counts. `status` is /proc/PID/status. */
export function residentBytes(status: string): number {
  const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024;
}

/** Undefined of a process that is gone, or not ours to look at. */
function pidNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
