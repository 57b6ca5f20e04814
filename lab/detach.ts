// `lab up --detach`: the launcher runs on in the background; its words are shown until the lab is ready, and kept in DIR/lab.log.
import { spawn } from 'node:child_process';
import { open, rename, rm } from 'node:fs/promises';
import { systemClock } from '../host/clock.ts';
import { type Directory, findRunning } from './directory.ts';
import { say, tolerateLostTerminal } from './talk.ts';

const LOOK_EVERY_MS = 30;
/** Set for the launcher in the background. */
const DETACHED = 'VITRINE_LAB_DETACHED';

/** Whether this process is such a launcher: nobody can press Ctrl-C in front of it. */
export const isDetached = (): boolean => process.env[DETACHED] !== undefined;

export interface DetachOptions {
  readonly directory: Directory;
  /** bin/vitrine and its words without `--detach`. */
  readonly argv: readonly string[];
  /** What is said last, when the lab is ready. */
  readonly greeting: string;
}

/**
 * Returns the exit code: the launcher's, when it ends before the lab is ready.
 * Until the directory is surely the launcher's, its words have a file of their own: another's are not written over.
 */
export async function detach({ directory, argv, greeting }: DetachOptions, signal: AbortSignal): Promise<number> {
  tolerateLostTerminal();
  const own = `${directory.log}.${process.pid}`;
  const log = await open(own, 'w+', 0o600);
  try {
    const launcher = spawn(process.execPath, argv, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, [DETACHED]: '1' },
    });
    let exitCode: number | undefined;
    launcher.once('exit', (code) => {
      exitCode = code ?? 1;
    });
    launcher.once('error', () => {
      exitCode = 1;
    });
    signal.addEventListener('abort', () => launcher.kill(), { once: true }); // Ctrl-C before the lab is ready ends it
    let shown = 0;
    let ready = false;
    while (!ready && exitCode === undefined) {
      await systemClock.sleep(LOOK_EVERY_MS);
      const running = await findRunning(directory);
      ready = running?.launcherPid === launcher.pid && running!.ready;
      shown = await show(log, shown);
    }
    await show(log, shown);
    if (ready) say(greeting);
    launcher.unref();
    await (exitCode === undefined ? rename(own, directory.log) : rm(own));
    return exitCode ?? 0;
  } finally {
    await log.close();
  }
}

/** Copies what was written since byte `from`, complaints to standard error; returns where it stopped. */
async function show(log: Awaited<ReturnType<typeof open>>, from: number): Promise<number> {
  const { size } = await log.stat();
  if (size <= from) return from;
  const { buffer, bytesRead } = await log.read(Buffer.alloc(size - from), 0, size - from, from);
  const text = buffer.toString('utf8', 0, bytesRead);
  const complaint = text.search(/^vitrine lab up: /m); // the last words of a program that ends (host/program.ts)
  process.stdout.write(complaint < 0 ? text : text.slice(0, complaint));
  if (complaint >= 0) process.stderr.write(text.slice(complaint));
  return from + bytesRead;
}
