// An API server and the controllers, started as a user starts them, with nodes that the recordings' stand-in for kubelets
// plays: no container runs, everything else is real.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { startServerProcess, VITRINE } from './apiserver.ts';

export const FAKE_KUBELET = new URL('../../test/golden/kubectl/fake-kubelet.mjs', import.meta.url).pathname;

export interface ClusterProcesses {
  readonly kubeconfig: string;
  /** The last words of each program that ended by itself; empty while all is well. */
  complaints(): string;
  stop(): Promise<void>;
}

/** Resolves when three nodes are registered. `kubectl`: the path of one, which the kubelets' stand-in needs. */
export async function startClusterProcesses({ kubectl }: { kubectl: string }): Promise<ClusterProcesses> {
  const server = await startServerProcess();
  const { kubeconfig } = server;
  const manager = follow([VITRINE, 'controllers', '--kubeconfig', kubeconfig]);
  // The nodes' default heartbeat of eight seconds would keep a node that returns waiting.
  const kubelets = follow([FAKE_KUBELET, '--kubeconfig', kubeconfig, '--kubectl', kubectl, '--heartbeat', '2']);
  const programs = [kubelets, manager];
  const stop = async (): Promise<void> => {
    await Promise.all(programs.map(({ end }) => end()));
    await server.stop();
  };
  try {
    await Promise.race([kubelets.saidSomething, ...programs.map(({ ended }) => ended)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, stop, complaints: () => programs.map(({ complaint }) => complaint()).join('') };
}

interface Followed {
  readonly saidSomething: Promise<unknown>;
  /** Rejects when the program ends before it is told to. */
  readonly ended: Promise<never>;
  complaint(): string;
  end(): Promise<void>;
}

function follow(argv: string[]): Followed {
  const child: ChildProcess = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = `${said}${chunk}`.slice(-10_000);
  };
  child.stderr?.on('data', keep);
  child.stdout?.on('data', keep);
  let wanted = false;
  const gone = once(child, 'exit');
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const complaint = (): string => (wanted || isRunning() ? '' : `${argv.join(' ')} ended: ${said}\n`);
  const ended = gone.then(() => new Promise<never>((_, reject) => wanted || reject(new Error(complaint()))));
  ended.catch(() => undefined);
  const end = async (): Promise<void> => {
    wanted = true;
    if (isRunning()) child.kill('SIGTERM');
    await gone;
  };
  return { saidSomething: once(child.stdout!, 'data'), ended, complaint, end };
}

/** kubectl 1.33 when it stands beside the installed one, the installed one otherwise; undefined: none. */
export function findKubectl(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const installed = folders.map((folder) => join(folder, 'kubectl')).find((path) => existsSync(path));
  if (!installed) return undefined;
  const real = realpathSync(installed);
  const wanted = join(dirname(real), 'kubectl.1.33');
  return existsSync(wanted) ? wanted : real;
}
