// Memory limits where the kernel keeps none for us: a look at what each container's processes hold, a few times a second.
import { readdirSync } from 'node:fs';
import { namespaceOf } from './namespaces.ts';
import { readIfThere } from './state-files.ts';

export interface Watched {
  readonly id: string;
  /** Of the container's first process; its mount namespace tells the others. */
  readonly pid: number;
  /** Bytes. */
  readonly limit: number;
}

/** The ids of those that hold more than they may. */
export function overLimit(watched: readonly Watched[]): string[] {
  if (watched.length === 0) return [];
  const held = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const space = namespaceOf(pid, 'mnt');
    if (space) held.set(space, (held.get(space) ?? 0) + residentBytes(readIfThere(`/proc/${pid}/status`) ?? ''));
  }
  return watched.filter(({ pid, limit }) => (held.get(namespaceOf(pid, 'mnt') ?? '') ?? 0) > limit).map(({ id }) => id);
}

/** What a process holds of its own, without the files it has mapped, as a cgroup counts. `status` is /proc/PID/status. */
export function residentBytes(status: string): number {
  const kilobytes = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return (kilobytes('RssAnon') + kilobytes('RssShmem')) * 1024;
}
