// `vitrine lab down`: ends the lab that runs in a directory and returns when nothing of it is left.
import { systemClock } from '../host/clock.ts';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { directoryAt, dirFlag, needRunning, startTimeOf } from './directory.ts';

const LOOK_EVERY_MS = 20;
/** The lab's own children get 3 s each in two rounds; what takes longer is stuck. */
const PATIENCE_MS = 10_000;

export const down: Program = program({
  name: 'lab down',
  summary: 'ends a lab; what was made in it stays for the next start',
  flags: { dir: dirFlag },
  async run({ dir }, { signal }) {
    const { launcherPid, launcherStartTime, initPid, initStartTime } = await needRunning(directoryAt(dir));
    const alive = async (): Promise<boolean> =>
      (await startTimeOf(launcherPid)) === launcherStartTime || (await startTimeOf(initPid)) === initStartTime;
    await kill(launcherPid, launcherStartTime, 'SIGTERM');
    const deadline = Date.now() + PATIENCE_MS;
    while (await alive()) {
      // With its first process the kernel ends the whole lab.
      if (Date.now() > deadline) await kill(initPid, initStartTime, 'SIGKILL');
      await systemClock.sleep(LOOK_EVERY_MS, signal);
    }
    return 0;
  },
}) as Program;

/** Never hits a process that only inherited the pid. */
async function kill(pid: number, startTime: string, signal: NodeJS.Signals): Promise<void> {
  if ((await startTimeOf(pid)) !== startTime) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH') throw new UsageError(`cannot end pid ${pid}: ${message}`, 1);
  }
}
