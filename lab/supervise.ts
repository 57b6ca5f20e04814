// `vitrine lab supervise`: the one process inside the lab's box that builds the network, starts everything else and keeps it
// running. It ends when the launcher lets go of fd 3, when it is told to, or when a process cannot be kept running.
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import * as z from 'zod';
import { aborted } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { directoryAt, dirFlag, type Running, remember, removeRun, startTimeOf, writeRunning } from './directory.ts';
import { familiesFlag, modeFlag, podNetworkFlag, portFlag, standInFlag } from './flags.ts';
import { Lab } from './lab.ts';
import { READY } from './sandbox.ts';
import { clockTime, say, tolerateLostTerminal } from './talk.ts';

const pidFlag = (help: string) => ({ type: z.coerce.number().int().positive(), help });

export const supervise: Program = program({
  name: 'lab supervise',
  summary: 'builds and supervises a lab, inside its namespaces',
  flags: {
    dir: dirFlag,
    nodes: {
      type: z.string().transform((list) => list.split(',').map(Number)),
      help: 'indexes of the nodes, separated by commas',
    },
    'proxy-mode': modeFlag,
    'pod-network': podNetworkFlag,
    'ip-families': familiesFlag,
    'stand-in-images': standInFlag,
    'secure-port': { ...portFlag, type: portFlag.type.unwrap() },
    'launcher-pid': pidFlag("the launcher's pid, as the machine counts"),
    'launcher-start-time': { type: z.string(), help: 'field 22 of its /proc/PID/stat' },
    'init-pid': pidFlag("the pid of the box's first process, as the machine counts"),
    'started-at': { type: z.coerce.number(), help: 'when the user asked for the lab, ms since the epoch' },
    vitrine: { type: z.string(), help: 'path of bin/vitrine' },
  },
  async run(values, { signal }) {
    const directory = directoryAt(values.dir);
    tolerateLostTerminal();
    process.chdir(directory.run);
    const settings = {
      nodes: values.nodes,
      proxyMode: values['proxy-mode'],
      podNetwork: values['pod-network'],
      ipFamilies: values['ip-families'],
      securePort: values['secure-port'],
      standInImages: values['stand-in-images'],
    };
    const startedAt = values['started-at'];
    let running: Running = {
      ...settings,
      launcherPid: values['launcher-pid'],
      launcherStartTime: values['launcher-start-time'],
      initPid: values['init-pid'],
      initStartTime: (await startTimeOf(1))!,
      startedAt,
      ready: false,
      stopped: [],
    };
    await rm(directory.kubeconfig, { force: true });
    await remember(directory, settings); // not before: two may have been asked to start here
    await writeRunning(directory, running);

    const launcher = new Socket({ fd: 3 });
    const write = (changes: Partial<Running>): Promise<void> => {
      running = { ...running, ...changes };
      return writeRunning(directory, running);
    };
    const lab = new Lab({
      directory,
      settings,
      startedAt,
      vitrine: [process.execPath, values.vitrine],
      nodesChanged: write,
    });
    const stop = AbortSignal.any([signal, whenClosed(launcher), lab.failure]);
    let failure: unknown;
    try {
      await lab.start(stop);
      await write({ ready: true });
      launcher.write(READY);
      await aborted(stop);
    } catch (error) {
      if (!stop.aborted) failure = error;
    }
    failure ??= lab.failure.reason;
    if (failure)
      say(`${clockTime()} the lab ends: ${(failure as Error).message}\n  all that was said is in ${directory.logs}`);
    await lab.stop();
    await removeRun(directory); // where it is left, the launcher knows that we were killed
    launcher.destroy();
    return failure ? 1 : 0;
  },
}) as Program;

/** The other end of fd 3 is the launcher's: it closes it to end the lab, and the kernel does when the launcher is killed. */
function whenClosed(launcher: Socket): AbortSignal {
  const gone = new AbortController();
  launcher.once('close', () => gone.abort(new Error('the launcher is gone')));
  launcher.on('error', () => {}); // `close` follows
  launcher.resume();
  return gone.signal;
}
