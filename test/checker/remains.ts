// What a lab holds of the machine right now, to be compared with what it held before: processes, network namespaces, mounts, cgroups,
// the files of its nodes, and the descriptors of its own programs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../host/exec.ts';
import type { TestLab } from '../harness/lab.ts';

/** By what it is; sorted. Descriptors are counts: `apiserver 34`. */
export interface Holdings {
  readonly processes: readonly string[];
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly files: readonly string[];
  readonly descriptors: ReadonlyMap<string, number>;
}

/** The lab's long-lived programs, by the words they were started with. */
const PROGRAMS = [
  ['apiserver', /\0apiserver\0/],
  ['controllers', /\0lab\0controllers\0/],
  ['node', /\0lab\0machine\0/],
] as const;
/** Descriptors that come and go with connections between the programs themselves. */
const SLACK = 8;
/** Of a node's directory, what belongs to pods. */
const POD_FOLDERS = ['pods', 'containers', 'attach', 'sandboxes'];

export async function holdingsOf(lab: TestLab): Promise<Holdings> {
  const { initPid } = JSON.parse(readFileSync(join(lab.directory, 'run/lab.json'), 'utf8')) as { initPid: number };
  const pids = lab.processes();
  const commands = pids.map((pid) => readIfThere(`/proc/${pid}/cmdline`)).filter((text) => text !== '');
  const { stdout } = await run(['find', '/sys/fs/cgroup', '-maxdepth', '8', '-type', 'd', '-name', 'vitrine-*']);
  return {
    processes: commands.map((text) => text.split('\0', 3).join(' ')).sort(),
    namespaces: readdirSync(`/proc/${initPid}/root/run/netns`).sort(),
    mounts: readFileSync(`/proc/${initPid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .sort(),
    cgroups: stdout.split('\n').sort(),
    files: filesOf(join(lab.directory, 'nodes')),
    descriptors: new Map(
      pids.flatMap((pid) => {
        const program = PROGRAMS.find(([, words]) => words.test(readIfThere(`/proc/${pid}/cmdline`)));
        return program ? [[`${program[0]} ${pid}`, readdirSync(`/proc/${pid}/fd`).length] as const] : [];
      }),
    ),
  };
}

/** What is there now and was not before; nothing: an empty list. */
export function remains(before: Holdings, now: Holdings): string[] {
  const more = (['processes', 'namespaces', 'mounts', 'cgroups', 'files'] as const).flatMap((what) =>
    added(before[what], now[what]).map((one) => `${what}: ${one}`),
  );
  const open = [...now.descriptors].flatMap(([program, count]) => {
    const known = before.descriptors.get(program) ?? 0;
    return count > known + SLACK ? [`descriptors: ${program} has ${count}, had ${known}`] : [];
  });
  return [...more, ...open];
}

function added(before: readonly string[], now: readonly string[]): string[] {
  const known = [...before];
  return now.filter((one) => {
    const at = known.indexOf(one);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

function filesOf(nodes: string): string[] {
  return readdirSync(nodes)
    .flatMap((node) => POD_FOLDERS.map((folder) => join(nodes, node, folder)))
    .flatMap((folder) => namesIn(folder).map((name) => join(folder, name)))
    .sort();
}

const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Empty when it is gone. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}
