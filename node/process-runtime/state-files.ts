// What a shim writes about its container (ID.run, ID.exit), and who still lives. Files outlive the agent; that is their point.
import { appendFileSync, readFileSync, renameSync } from 'node:fs';

/** A process for good: pids are used again, the time a process started is not. */
export interface ProcessName {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTime: number;
}

export interface RunFile {
  readonly shim: ProcessName;
  /** Absent in the few ms until the container has started. */
  readonly init?: ProcessName;
  /** ms since the epoch. */
  readonly startedAt: number;
  readonly log: string;
  /** Bytes of memory that a watchdog must hold it to; absent: the kernel does, or nobody has to. */
  readonly memory?: number;
}

export interface ExitFile {
  readonly exitCode: number;
  readonly signal: number;
  /** ms since the epoch. */
  readonly finishedAt: number;
  readonly oomKilled?: boolean;
}

const wordsByKey = (text: string): Map<string, string[]> =>
  new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [key, ...words] = line.split(' ');
        return [key, words];
      }),
  );

const processName = (words: string[] | undefined): ProcessName | undefined =>
  words && { pid: Number(words[0]), startTime: Number(words[1]) };

export function parseRunFile(text: string): RunFile | undefined {
  const found = wordsByKey(text);
  const shim = processName(found.get('shim'));
  if (!shim) return undefined;
  const log = found.get('log')?.join(' ') ?? '';
  const startedAt = Number(found.get('started')?.[0] ?? 0);
  const memory = Number(found.get('memory')?.[0] ?? 0);
  return { shim, init: processName(found.get('init')), startedAt, log, ...(memory > 0 && { memory }) };
}

export function parseExitFile(text: string): ExitFile {
  const found = wordsByKey(text);
  const number = (key: string): number => Number(found.get(key)?.[0] ?? 0);
  const exit = { exitCode: number('code'), signal: number('signal'), finishedAt: number('finished') };
  return number('oom') > 0 ? { ...exit, oomKilled: true } : exit;
}

/** `path` is without `.exit`: what the shim would have written. It has kept room for it, so that a full disk does not matter. */
export function writeExit(path: string, { exitCode, signal, finishedAt }: Omit<ExitFile, 'oomKilled'>): void {
  appendFileSync(`${path}.exit.new`, `code ${exitCode}\nsignal ${signal}\nfinished ${finishedAt}\n`);
  renameSync(`${path}.exit.new`, `${path}.exit`);
}

/** Adds to how it ended that there was no memory left. */
export function noteOutOfMemory(path: string): void {
  appendFileSync(`${path}.exit`, 'oom 1\n');
}

/** The text of a file, undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** `stat` is the text of /proc/PID/stat; the command in it may hold spaces and brackets. A zombie counts as gone. */
export function startTimeOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : Number(fields[19]);
}

export function isAlive({ pid, startTime }: ProcessName): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat !== undefined && startTimeOf(stat) === startTime;
}
