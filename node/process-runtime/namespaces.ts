// Which kernel namespaces a process is in.
import { readlinkSync } from 'node:fs';

/** `mnt:[4026531840]`. Undefined of a process that is gone, or not ours to look at. */
export function namespaceOf(pid: number | string, kind: 'mnt' | 'net'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
