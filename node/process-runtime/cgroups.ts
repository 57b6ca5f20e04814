// Limits by the kernel, where it lets us: cgroups of our own below the one we are in, v2 or v1, whatever the machine has.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Usage } from '../runtime.ts';
import { readIfThere } from './state-files.ts';

export interface Limits {
  readonly memoryBytes?: number;
  /** Cores. */
  readonly cpu?: number;
}

/** One hierarchy of the machine: a v1 controller's, or the only one of v2. */
interface Hierarchy {
  readonly version: 1 | 2;
  /** Our own cgroup's folder. */
  readonly path: string;
}

type Controller = 'memory' | 'cpu';

const PERIOD_US = 100_000;
/** An ended process may hold its cgroup for a moment. */
const REMOVE_TRIES = 100;
const REMOVE_STEP_MS = 20;

export class Cgroups {
  readonly #hierarchies: ReadonlyMap<Controller, Hierarchy>;
  /** Tells the containers of one agent from those of another in the same cgroup. */
  readonly #prefix: string;

  private constructor(hierarchies: ReadonlyMap<Controller, Hierarchy>, prefix: string) {
    this.#hierarchies = hierarchies;
    this.#prefix = prefix;
  }

  /** Finds out by trying what may be limited here. `directory` is the agent's own, the same after a restart. */
  static find(directory: string): Cgroups {
    const prefix = `vitrine-${createHash('sha256').update(directory).digest('hex').slice(0, 10)}`;
    const places = hierarchiesOf(readIfThere('/proc/self/cgroup') ?? '', readIfThere('/proc/self/mountinfo') ?? '');
    return new Cgroups(new Map([...places].filter(([controller, place]) => works(controller, place, prefix))), prefix);
  }

  limits(controller: Controller): boolean {
    return this.#hierarchies.has(controller);
  }

  /** Makes a container's cgroups; returns the folders its first process must join. Empty when nothing is limited. */
  make(id: string, limits: Limits): string[] {
    const wanted: [Controller, (folder: string, version: 1 | 2) => void][] = [];
    const { memoryBytes, cpu } = limits;
    if (memoryBytes) wanted.push(['memory', (folder, version) => limitMemory(folder, version, memoryBytes)]);
    if (cpu) wanted.push(['cpu', (folder, version) => limitCPU(folder, version, cpu)]);
    const folders = new Set<string>();
    for (const [controller, limit] of wanted) {
      const hierarchy = this.#hierarchies.get(controller);
      if (!hierarchy) continue;
      const folder = this.#folder(hierarchy, id);
      mkdirSync(folder, { recursive: true });
      limit(folder, hierarchy.version);
      folders.add(folder);
    }
    return [...folders];
  }

  /** Whether the kernel has killed something in this container for want of memory. */
  ranOutOfMemory(id: string): boolean {
    const hierarchy = this.#hierarchies.get('memory');
    if (!hierarchy) return false;
    const file = hierarchy.version === 2 ? 'memory.events' : 'memory.oom_control';
    const text = readIfThere(`${this.#folder(hierarchy, id)}/${file}`) ?? '';
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
  }

  /** What the kernel has counted of a container: as much of it as there are cgroups for. */
  usage(id: string): Partial<Usage> {
    const read = (controller: Controller, file: string): string | undefined => {
      const hierarchy = this.#hierarchies.get(controller);
      return hierarchy && readIfThere(`${this.#folder(hierarchy, id)}/${file}`);
    };
    const held = read('memory', 'memory.current') ?? read('memory', 'memory.usage_in_bytes');
    const idle = /^(?:total_)?inactive_file (\d+)$/m.exec(read('memory', 'memory.stat') ?? '')?.[1] ?? 0;
    const microseconds = /^usage_usec (\d+)$/m.exec(read('cpu', 'cpu.stat') ?? '')?.[1];
    const nanoseconds = read('cpu', 'cpuacct.usage');
    const cpuSeconds = microseconds ? Number(microseconds) / 1e6 : nanoseconds && Number(nanoseconds) / 1e9;
    return {
      ...(held && { memoryBytes: Math.max(0, Number(held) - Number(idle)) }), // its working set, as the kubelet counts
      ...(cpuSeconds && { cpuSeconds }),
    };
  }

  /** Nothing of the container may run any more. Idempotent. */
  async remove(id: string, clock: Clock): Promise<void> {
    for (const hierarchy of this.#hierarchies.values()) await removeFolder(this.#folder(hierarchy, id), clock);
  }

  /** Takes away what an agent that was killed has left of containers that are not in `known`. */
  async sweep(known: ReadonlySet<string>, clock: Clock): Promise<void> {
    const start = `${this.#prefix}-`;
    for (const { path } of this.#hierarchies.values()) {
      const left = readdirSync(path).filter((name) => name.startsWith(start) && !known.has(name.slice(start.length)));
      for (const name of left) await removeFolder(`${path}/${name}`, clock);
    }
  }

  #folder({ path }: Hierarchy, id: string): string {
    return `${path}/${this.#prefix}-${id}`;
  }
}

/** Takes away all that an agent with this folder has left, once none of its containers lives any more. */
export async function sweepCgroups(directory: string): Promise<void> {
  await Cgroups.find(directory).sweep(new Set(), systemClock);
}

/** Where the machine has each controller for us: `cgroup` and `mounts` are texts of /proc/self/cgroup and /proc/self/mountinfo. */
export function hierarchiesOf(cgroup: string, mounts: string): Map<Controller, Hierarchy> {
  const found = new Map<Controller, Hierarchy>();
  const mounted = mounts.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const [, , , root, point] = before.split(' ');
    const [type, , options = ''] = after?.split(' ') ?? [];
    return type === 'cgroup' || type === 'cgroup2' ? [{ type, root, point, options: options.split(',') }] : [];
  });
  const entries = cgroup.split('\n').flatMap((line) => {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    return match ? [{ controllers: match[1].split(','), path: match[2] }] : [];
  });
  for (const controller of ['memory', 'cpu'] as const) {
    const v1 = mounted.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    const mount = v1 ?? mounted.find(({ type }) => type === 'cgroup2');
    const entry = entries.find(({ controllers }) => controllers.includes(v1 ? controller : ''));
    if (!mount || !entry) continue;
    const below = entry.path.startsWith(mount.root)
      ? entry.path.slice(mount.root.replace(/\/$/, '').length)
      : entry.path;
    found.set(controller, { version: v1 ? 1 : 2, path: `${mount.point}${below}`.replace(/\/$/, '') });
  }
  return found;
}

/** A cgroup that can be made, limited and removed. In v2 the controller must have been handed down to us. */
function works(controller: Controller, { version, path }: Hierarchy, prefix: string): boolean {
  const folder = `${path}/${prefix}-trial-${process.pid}`;
  try {
    mkdirSync(folder);
    try {
      if (controller === 'memory') limitMemory(folder, version, 2 ** 30);
      else limitCPU(folder, version, 1);
      return true;
    } finally {
      rmdirSync(folder);
    }
  } catch {
    return false; // no such right here: the watchdog does what it can
  }
}

function limitMemory(folder: string, version: 1 | 2, bytes: number): void {
  const value = `${Math.floor(bytes)}`;
  if (version === 1) {
    writeFileSync(`${folder}/memory.limit_in_bytes`, value);
    writeIfThere(`${folder}/memory.memsw.limit_in_bytes`, value);
  } else {
    writeFileSync(`${folder}/memory.max`, value);
    writeIfThere(`${folder}/memory.swap.max`, '0');
    writeIfThere(`${folder}/memory.oom.group`, '1'); // as the kubelet: a container dies as a whole
  }
}

function limitCPU(folder: string, version: 1 | 2, cores: number): void {
  const quota = Math.max(1000, Math.round(cores * PERIOD_US));
  if (version === 2) writeFileSync(`${folder}/cpu.max`, `${quota} ${PERIOD_US}`);
  else {
    writeFileSync(`${folder}/cpu.cfs_period_us`, `${PERIOD_US}`);
    writeFileSync(`${folder}/cpu.cfs_quota_us`, `${quota}`);
  }
}

/** Kernels without swap accounting have no such file. */
function writeIfThere(path: string, text: string): void {
  if (readIfThere(path) !== undefined) writeFileSync(path, text);
}

async function removeFolder(folder: string, clock: Clock): Promise<void> {
  for (let left = REMOVE_TRIES; ; left -= 1) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || left === 0) throw error;
      await clock.sleep(REMOVE_STEP_MS);
    }
  }
}
