// What a lab keeps in its directory. `run/` exists only while the lab does; all else stays for the next start.
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { UsageError } from '../host/lifecycle.ts';
import type { IPFamilies } from './addresses.ts';

/** The `--dir` flag that every command of the lab takes. */
export const dirFlag = {
  type: z
    .string()
    .min(1, 'a directory')
    .default('.vitrine')
    .transform((path) => resolve(path)),
  help: "the lab's directory (default .vitrine)",
};

export interface Settings {
  /** Their indexes, ascending. */
  readonly nodes: readonly number[];
  readonly proxyMode: 'iptables' | 'nftables';
  readonly podNetwork: 'routes' | 'vxlan';
  readonly ipFamilies: IPFamilies;
  /** What does not exist is stood in for. */
  readonly standInImages?: boolean;
  /** Of the API server, on the machine's loopback and at the nodes' gateway. */
  readonly securePort: number;
}

/** A lab that runs: written by its supervisor, in `run/lab.json`. */
export interface Running extends Settings {
  /** Of the `lab up` that holds the lab, as the machine counts processes. */
  readonly launcherPid: number;
  /** Of the lab's first process, as the machine counts; its namespaces are the lab's. */
  readonly initPid: number;
  /** Tell a pid that was used again from the one that was meant: /proc/PID/stat, field 22. */
  readonly launcherStartTime: string;
  readonly initStartTime: string;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** All nodes have been Ready once. */
  readonly ready: boolean;
  /** Indexes of the nodes without power. */
  readonly stopped: readonly number[];
}

export interface Directory {
  readonly path: string;
  readonly data: string;
  readonly kubeconfig: string;
  readonly tokens: string;
  readonly logs: string;
  readonly run: string;
  /** Held by `flock` as long as the lab lives. */
  readonly lock: string;
  /** Where each node keeps its pods' files. */
  readonly nodes: string;
  /** Images that were loaded by hand. */
  readonly images: string;
  /** What `lab up --detach` says after it has returned. */
  readonly log: string;
}

export function directoryAt(path: string): Directory {
  const at = (name: string): string => join(path, name);
  return {
    path,
    data: at('data'),
    kubeconfig: at('kubeconfig'),
    tokens: at('tokens.csv'),
    logs: at('logs'),
    run: at('run'),
    lock: at('lock'),
    nodes: at('nodes'),
    images: at('images'),
    log: at('lab.log'),
  };
}

/** Makes what is missing; readable by its owner only, for it holds keys and tokens. */
export async function makeDirectory(directory: Directory): Promise<void> {
  try {
    await makeFolder(directory.path);
    for (const path of [directory.logs, directory.run, directory.nodes]) await makeFolder(path);
    await writeFile(directory.lock, '', { flag: 'a', mode: 0o600 });
  } catch (error) {
    throw new UsageError(`cannot use ${directory.path}: ${(error as Error).message}`, 1);
  }
}

/** With the folders it lies in. Node's own way of doing so hides why a folder cannot be made, and never ends in /proc. */
async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  if (!existsSync(parent)) await makeFolder(parent);
  await mkdir(path, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  });
}

/** Field 22 of /proc/PID/stat, clock ticks since boot; undefined when there is no such process. */
export async function startTimeOf(pid: number | 'self'): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** Exists from the supervisor's start to its end; left behind when it was killed. */
export const runningFile = (directory: Directory): string => join(directory.run, 'lab.json');

export async function writeRunning(directory: Directory, running: Running): Promise<void> {
  const file = runningFile(directory);
  await writeFile(`${file}.new`, `${JSON.stringify(running, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** What a lab last said of itself, alive or not. */
export function readRunning(directory: Directory): Promise<Running | undefined> {
  return readJSON<Running>(runningFile(directory));
}

/** The lab that runs in this directory, if one does. */
export async function findRunning(directory: Directory): Promise<Running | undefined> {
  const running = await readRunning(directory);
  if (!running) return undefined;
  const alive = (await startTimeOf(running.initPid)) === running.initStartTime;
  return alive ? running : undefined;
}

/** As `findRunning`; throws UsageError (exit code 1) when there is none. */
export async function needRunning(directory: Directory): Promise<Running> {
  const running = await findRunning(directory);
  if (running) return running;
  throw new UsageError(`no lab runs in ${directory.path}; start one with: vitrine lab up --dir ${directory.path}`, 1);
}

/** The port that clients of earlier starts know, or a new one outside the range the kernel hands out by itself. */
export async function rememberedPort(directory: Directory): Promise<{ port: number; remembered: boolean }> {
  const kept = await readJSON<Kept>(keptFile(directory));
  return kept ? { port: kept.securePort, remembered: true } : { port: randomInt(20_000, 32_000), remembered: false };
}

/** What the objects in this directory have addresses of; undefined: there are none yet, or nobody wrote it down. */
export async function rememberedFamilies(directory: Directory): Promise<IPFamilies | undefined> {
  return (await readJSON<Kept>(keptFile(directory)))?.ipFamilies;
}

export async function remember(directory: Directory, { securePort, ipFamilies }: Settings): Promise<void> {
  await writeFile(keptFile(directory), `${JSON.stringify({ securePort, ipFamilies })}\n`);
}

/** Of the last start, for the next one. */
interface Kept {
  readonly securePort: number;
  readonly ipFamilies?: IPFamilies;
}

const keptFile = (directory: Directory): string => join(directory.path, 'lab.json');

export async function removeRun(directory: Directory): Promise<void> {
  await rm(directory.run, { recursive: true, force: true });
}

async function readJSON<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UsageError(`${file}: ${(error as Error).message}`, 1);
  }
}
