// What a lab's processes cost, as the machine counts: they are found by their user namespace, and told apart by their pids inside.
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface Cost {
  /** As the machine counts. */
  readonly pid: number;
  /** From the machine's namespace inwards: one for the lab's first process's parent, two for the lab's own, three and more in containers. */
  readonly pids: readonly number[];
  readonly command: string;
  /** ms on a processor, its own and its ended children's. */
  readonly cpuMs: number;
  /** Bytes. Memory that several processes share, as Node's own code, counts for each by its part (PSS): sums are true. */
  readonly memory: number;
}

/** The kernel tells times of processes in hundredths of a second, whatever it counts in (USER_HZ, proc(5)). */
const MS_PER_TICK = 10;

/** All processes of the lab whose first process is `initPid`. */
export async function costsOfLab(initPid: number): Promise<Cost[]> {
  const namespace = await readlink(`/proc/${initPid}/ns/user`);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const costs = await Promise.all(
    pids.map(async (pid) => ((await namespaceOf(pid)) === namespace ? costOf(pid) : undefined)),
  );
  return costs.filter((cost) => cost !== undefined);
}

/** Undefined when the process is gone. */
export async function costOf(pid: number): Promise<Cost | undefined> {
  try {
    const [stat, status, command, maps] = await Promise.all(
      ['stat', 'status', 'cmdline', 'smaps_rollup'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
    );
    return { pid, ...parseCost(stat, status, maps), command: command.replaceAll('\0', ' ').trim() };
  } catch (error) {
    return ifGone(error);
  }
}

/** Of the texts of /proc/PID/stat, status and smaps_rollup; the command in the first may hold spaces and brackets. */
export function parseCost(stat: string, status: string, maps: string): Pick<Cost, 'pids' | 'cpuMs' | 'memory'> {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const pids = /^NSpid:\s*(.*)$/m.exec(status)?.[1].split(/\s+/).map(Number) ?? [];
  const memory = Number(/^Pss:\s*(\d+) kB/m.exec(maps)?.[1] ?? 0) * 1024;
  return { pids, cpuMs: ticks * MS_PER_TICK, memory };
}

/** Undefined: gone, or another user's. */
async function namespaceOf(pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/user`).catch(ifGone);
}

function ifGone(error: unknown): undefined {
  if (!['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
}
