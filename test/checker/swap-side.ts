// One API server, ours or upstream's, with upstream's controller manager and scheduler at work on it, nodes that the recordings'
// stand-in for kubelets plays, and a load. In namespaces of its own, with which all of it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { check } from '../../host/exec.ts';
import { startServerProcess } from '../harness/apiserver.ts';
import { FAKE_KUBELET, findKubectl } from '../harness/cluster.ts';
import { Random } from '../harness/random.ts';
import { startUpstream } from '../packets/upstream-control-plane.ts';
import { errorsIn } from './log-errors.ts';
import { loadControllers } from './swap-load.ts';

/** Upstream's, by path. */
export interface Programs {
  readonly apiserver: string;
  readonly etcd: string;
  readonly controllerManager: string;
  readonly scheduler: string;
}

export interface SideOptions {
  readonly server: 'ours' | 'upstream';
  readonly programs: Programs;
  readonly seconds: number;
  readonly seed: number;
}

export interface SideOutcome {
  /** How often the server gave the load which answer: `POST 201`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Complaints of both programs, by how often. */
  readonly errors: Readonly<Record<string, number>>;
}

const FOLDER = '/run/swap';
/** Upstream's server takes no loopback address for its own. */
const ADDRESS = '192.0.2.1';

interface Server {
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

export async function playSide({ server, programs, seconds, seed }: SideOptions): Promise<SideOutcome> {
  await mkdir(FOLDER);
  const { kubeconfig, stop } = server === 'ours' ? await startOurs() : await startTheirs(programs);
  try {
    const running = startPrograms(kubeconfig, programs);
    const connection = await loadKubeconfig(kubeconfig);
    const signal = AbortSignal.timeout(seconds * 1000);
    const answers = await loadControllers({ connection, random: new Random(seed), signal });
    const ended = running.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (ended) throw new Error(`${ended.spawnargs[0]} ended by itself`);
    return { answers, errors: await readErrors() };
  } finally {
    await stop();
  }
}

async function startOurs(): Promise<Server> {
  return startServerProcess({ dataDir: `${FOLDER}/data` });
}

async function startTheirs(programs: Programs): Promise<Server> {
  const kubeconfig = `${FOLDER}/kubeconfig`;
  await check(['ip', 'address', 'add', `${ADDRESS}/32`, 'dev', 'lo']);
  await startUpstream(programs, { address: ADDRESS, kubeconfig });
  return { kubeconfig, stop: async () => {} };
}

const WATCHED = ['controllers', 'scheduler'];

function startPrograms(kubeconfig: string, { controllerManager, scheduler }: Programs): ChildProcess[] {
  const common = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
  const cidrs = ['--allocate-node-cidrs=true', '--cluster-cidr=10.244.0.0/16'];
  const kubelets = [FAKE_KUBELET, '--kubeconfig', kubeconfig, '--kubectl', findKubectl() ?? 'kubectl'];
  return [
    start('controllers', [controllerManager, ...common, ...cidrs]),
    start('scheduler', [scheduler, ...common]),
    start('kubelets', [process.execPath, ...kubelets]),
  ];
}

function start(name: string, [program, ...words]: readonly string[]): ChildProcess {
  const log = openSync(`${FOLDER}/${name}.log`, 'w');
  return spawn(program, words, { stdio: ['ignore', log, log] });
}

async function readErrors(): Promise<Record<string, number>> {
  const errors: Record<string, number> = {};
  for (const name of WATCHED) {
    const log = await readFile(`${FOLDER}/${name}.log`, 'utf8');
    for (const [error, times] of errorsIn(log)) errors[`${name}: ${error}`] = times;
  }
  return errors;
}
