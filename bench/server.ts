// An API server under test: started from the build, as users start it, and stopped again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { loadKubeconfig } from '../client/kubeconfig.ts';

/** Where requests go, as plain data that a child process can be given. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export interface Server {
  readonly target: Target;
  /** The path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** ms from starting the process until the kubeconfig appeared, which says that it is ready. */
  readonly startMs: number;
  /** Resident memory of the process, bytes. */
  memory(): Promise<number>;
  /** Processor time the process has used, all its threads together, ms. */
  cpu(): Promise<number>;
  /** SIGTERM; resolves when the process is gone. */
  stop(): Promise<void>;
}

/** The command that is measured: the build beside this one. */
export const VITRINE = process.env.VITRINE ?? new URL('../../bin/vitrine', import.meta.url).pathname;

/** Starts `vitrine apiserver` with its data in `directory`. Rejects when it ends before it is ready. */
export async function startServer(directory: string, flags: readonly string[] = []): Promise<Server> {
  await mkdir(directory, { recursive: true });
  const kubeconfig = join(directory, `kubeconfig-${process.hrtime.bigint()}`);
  const argv = [
    'apiserver',
    `--data-dir=${join(directory, 'data')}`,
    '--secure-port=0',
    `--write-kubeconfig=${kubeconfig}`,
  ];
  const begin = performance.now();
  const child = spawn(process.execPath, [VITRINE, ...argv, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, VITRINE_LOG_LEVEL: 'warn' },
  });
  await appears(kubeconfig, child);
  const startMs = performance.now() - begin;
  return {
    target: await targetOf(kubeconfig),
    kubeconfig,
    startMs,
    memory: () => residentMemory(child.pid!),
    cpu: () => processorTime(child.pid!),
    stop: () => end(child),
  };
}

/** Resolves when the file appears in its directory; rejects when `child`, who is to write it, ends first. */
export async function appears(path: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const watcher = watch(dirname(path));
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`vitrine ended with ${code}: ${said}`)));
      watcher.on('change', (_, name) => {
        if (name === basename(path))
          stat(path).then(
            () => resolve(),
            () => {},
          ); // gone again: it was renamed away
      });
    });
  } finally {
    watcher.close();
  }
}

export async function targetOf(kubeconfig: string): Promise<Target> {
  const { server, ca, token } = await loadKubeconfig(kubeconfig);
  const url = new URL(server);
  return { host: url.hostname, port: Number(url.port), ca: ca?.toString() ?? '', token: token ?? '' };
}

/** VmRSS of /proc/PID/status, in bytes. */
export async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** utime and stime of /proc/PID/stat, which Linux counts in hundredths of a second; ms. */
async function processorTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Ends a child process and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
