// `vitrine lab up`: checks the machine, then holds the lab: starts its box, starts it again when it is killed, and ends it
// on Ctrl-C, SIGTERM, or its own death.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join, relative } from 'node:path';
import * as z from 'zod';
import { systemClock } from '../host/clock.ts';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { addressesOf, type IPFamilies } from './addresses.ts';
import { detach, isDetached } from './detach.ts';
import {
  type Directory,
  directoryAt,
  dirFlag,
  findRunning,
  makeDirectory,
  readRunning,
  rememberedFamilies,
  rememberedPort,
  removeRun,
  runningFile,
  type Settings,
  startTimeOf,
} from './directory.ts';
import { familiesFlag, modeFlag, nodesFlag, podNetworkFlag, portFlag, standInFlag } from './flags.ts';
import { firstNodes } from './network.ts';
import { explainMissing, labPath, missingPrograms, namespaceTrouble } from './requirements.ts';
import { LOCKED, startSandbox } from './sandbox.ts';
import { clockTime, type Greeting, greeting, say, tolerateLostTerminal } from './talk.ts';

export const up: Program = program({
  name: 'lab up',
  summary: 'starts a cluster on this machine and keeps it running until Ctrl-C',
  flags: {
    nodes: nodesFlag,
    'proxy-mode': modeFlag,
    'pod-network': podNetworkFlag,
    'ip-families': familiesFlag,
    'stand-in-images': standInFlag,
    dir: dirFlag,
    'secure-port': portFlag,
    detach: {
      type: z.boolean().default(false),
      boolean: true,
      help: 'return when the lab is ready and leave it running',
    },
  },
  async run(values, { signal }) {
    const startedAt = Date.now() - performance.now();
    const directory = directoryAt(values.dir);
    await checkMachine();
    await refuseSecond(directory);
    await refuseOtherFamily(directory, values['ip-families']);
    await makeDirectory(directory);
    const [proxyMode, ipFamilies] = [values['proxy-mode'], values['ip-families']];
    if (values.detach) {
      const argv = process.argv.slice(1).filter((word) => !word.startsWith('--detach'));
      return detach({ directory, argv, greeting: greet(directory, { proxyMode, ipFamilies, detached: true }) }, signal);
    }
    const securePort = await choosePort(directory, values['secure-port']);
    const settings = {
      nodes: firstNodes(values.nodes),
      proxyMode,
      podNetwork: values['pod-network'],
      ipFamilies,
      standInImages: values['stand-in-images'],
      securePort,
    };
    say(`vitrine lab in ${shown(directory.path)}`);
    return hold(directory, settings, startedAt, signal);
  },
}) as Program;

async function checkMachine(): Promise<void> {
  const path = labPath();
  const missing = explainMissing(await missingPrograms(path), process.getuid!());
  if (missing) throw new UsageError(missing, 1);
  const trouble = await namespaceTrouble(path);
  if (trouble) throw new UsageError(trouble, 1);
}

async function refuseSecond(directory: Directory): Promise<void> {
  const running = await findRunning(directory);
  if (running) throw alreadyRuns(directory, `pid ${running.launcherPid}`);
}

/** Nodes and Services keep the addresses they were given. */
async function refuseOtherFamily(directory: Directory, asked: IPFamilies): Promise<void> {
  const kept = await rememberedFamilies(directory);
  if (kept === undefined || addressesOf(kept)[0] === addressesOf(asked)[0]) return;
  throw new UsageError(
    `what was made in ${directory.path} has addresses of --ip-families ${kept}, not ${asked}; forget it with: vitrine lab reset --dir ${directory.path}\n` +
      '  or have another lab beside it: --dir OTHER',
    1,
  );
}

function alreadyRuns(directory: Directory, who: string): UsageError {
  return new UsageError(
    `a lab runs in ${directory.path} already (${who}); stop it with: vitrine lab down --dir ${directory.path}\n` +
      '  another one beside it needs a directory of its own: --dir OTHER',
    1,
  );
}

/** `asked` when given; else the remembered one; else a free one. */
async function choosePort(directory: Directory, asked: number | undefined): Promise<number> {
  const { port, remembered } = asked ? { port: asked, remembered: false } : await rememberedPort(directory);
  if (await canListen(port)) return port;
  if (!asked && !remembered) return choosePort(directory, undefined);
  await refuseSecond(directory); // its own API server may be who listens
  const why = asked ? '' : ', which the lab used at its last start,';
  throw new UsageError(`port ${port}${why} is in use on 127.0.0.1; choose another with --secure-port`, 1);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true });
  const free = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return free;
}

/** So many deaths of the whole box within a minute end the lab. */
const MAX_DEATHS = 10;

async function hold(directory: Directory, asked: Settings, startedAt: number, signal: AbortSignal): Promise<number> {
  tolerateLostTerminal();
  const launcherStartTime = (await startTimeOf('self'))!;
  const deaths: number[] = [];
  let settings = asked;
  for (let start = startedAt; ; start = Date.now()) {
    await makeDirectory(directory);
    const ending = await holdOnce(directory, settings, { start, launcherStartTime, signal });
    if (ending.exitCode === LOCKED) throw alreadyRuns(directory, 'it is starting or ending');
    await sweepNodes(directory);
    // unshare's own exit code does not always tell that its child was killed: a supervisor that ends by itself
    // leaves no lab.json.
    const killed = ending.exitCode === null || ending.exitCode >= 128 || existsSync(runningFile(directory));
    const nodes = (await readRunning(directory))?.nodes;
    if (nodes) settings = { ...settings, nodes }; // some may have been added or removed
    await removeRun(directory);
    if (!killed) return ending.exitCode!;
    if (signal.aborted) return 0;
    const why = ending.signal ?? `exit code ${ending.exitCode}`;
    deaths.push(Date.now());
    if (deaths.filter((at) => at > Date.now() - 60_000).length > MAX_DEATHS) {
      throw new UsageError(`the lab was killed again and again (${why}); see ${directory.logs}`, 1);
    }
    say(`${clockTime()} the lab's supervisor was killed (${why}); everything starts again`);
    await systemClock.sleep(100, signal).catch(() => {}); // rejects only by the signal, and then the next box ends at once
  }
}

/** What the machine has of containers that ended with the box: their cgroups, which are not in it. */
async function sweepNodes(directory: Directory): Promise<void> {
  const { sweepCgroups } = await import('../node/process-runtime/cgroups.ts');
  for (const name of await readdir(directory.nodes)) {
    await sweepCgroups(join(directory.nodes, name)).catch((error: Error) => say(error.message));
  }
}

interface Hold {
  start: number;
  launcherStartTime: string;
  signal: AbortSignal;
}

async function holdOnce(
  directory: Directory,
  settings: Settings,
  { start, launcherStartTime, signal }: Hold,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
  const vitrine = process.argv[1];
  const flags = {
    dir: directory.path,
    nodes: settings.nodes.join(','),
    'proxy-mode': settings.proxyMode,
    'pod-network': settings.podNetwork,
    'ip-families': settings.ipFamilies,
    'stand-in-images': String(settings.standInImages ?? false),
    'secure-port': settings.securePort,
    'launcher-pid': process.pid,
    'launcher-start-time': launcherStartTime,
    'started-at': Math.round(start),
    vitrine,
  };
  const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const argv = [process.execPath, vitrine, 'lab', 'supervise', ...words];
  const child = startSandbox({ directory, argv, env: { ...process.env, PATH: labPath() } });
  const rope = child.stdio[3] as Socket;
  rope.once('data', () => {
    if (!isDetached()) say(greet(directory, { ...settings, detached: false })); // else whoever detached it does
  });
  rope.on('error', () => {}); // the box may end first
  const letGo = (): void => void rope.destroy();
  if (signal.aborted) letGo();
  signal.addEventListener('abort', letGo, { once: true });
  const [exitCode, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  signal.removeEventListener('abort', letGo);
  rope.destroy();
  return { exitCode, signal: killedBy };
}

/** A path as the user would type it where `lab up` was typed. */
function shown(path: string): string {
  const short = relative('', path);
  return short.startsWith('..') ? path : short || '.';
}

function greet(directory: Directory, lab: Pick<Greeting, 'proxyMode' | 'ipFamilies' | 'detached'>): string {
  const dirFlag = shown(directory.path) === '.vitrine' ? '' : ` --dir ${shown(directory.path)}`;
  const vitrine = shown(process.argv[1]);
  const kubeconfig = shown(directory.kubeconfig);
  return greeting({ ...lab, vitrine, kubeconfig, dirFlag });
}
