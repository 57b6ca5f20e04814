// What processes use, read from /proc: the processor time and memory of every container, and of the whole node.
import { readdirSync } from 'node:fs';
import type { NodeUsage, Usage } from '../runtime.ts';
import { residentBytes } from './memory.ts';
import { namespaceOf } from './namespaces.ts';
import { readIfThere } from './state-files.ts';

/** A running container, by its first process. */
export interface Measured {
  readonly id: string;
  readonly pid: number;
}

/** Clock ticks of a second in /proc/PID/stat: the same on every machine that Node.js runs on. */
const TICKS = 100;
const NOTHING: Usage = { cpuSeconds: 0, memoryBytes: 0 };

/**
 * A container's processes are those of its mount namespace, which no other container shares; the node's are all containers'
 * and whoever else is in its network namespace, which is the agent's.
 */
export function measure(containers: readonly Measured[]): NodeUsage {
  const ids = new Map(containers.map(({ id, pid }) => [namespaceOf(pid, 'mnt') ?? '', id]));
  const network = namespaceOf('self', 'net');
  const found = new Map<string, Usage>();
  let node = NOTHING;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const id = ids.get(namespaceOf(pid, 'mnt') ?? 'gone');
    if (id === undefined && namespaceOf(pid, 'net') !== network) continue;
    const usage = usageOf(readIfThere(`/proc/${pid}/stat`) ?? '', readIfThere(`/proc/${pid}/status`) ?? '');
    node = sum(node, usage);
    if (id !== undefined) found.set(id, sum(found.get(id) ?? NOTHING, usage));
  }
  return { node, containers: found };
}

const sum = (a: Usage, b: Usage): Usage => ({
  cpuSeconds: a.cpuSeconds + b.cpuSeconds,
  memoryBytes: a.memoryBytes + b.memoryBytes,
});

/** Of one process and the children it has waited for. The texts are /proc/PID/stat and status; empty: it has ended. */
export function usageOf(stat: string, status: string): Usage {
  // utime, stime, cutime, cstime: fields 14 to 17; the command before them may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((all, one) => all + Number(one), 0);
  return { cpuSeconds: ticks / TICKS, memoryBytes: residentBytes(status) };
}
