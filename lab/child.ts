// One supervised process of the lab: started, its end reported with the reason, started again; after too many crashes in a row it
// gives up with the process's last words.
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { type Clock, systemClock } from '../host/clock.ts';
import { aborted } from '../host/lifecycle.ts';

export interface ChildOptions {
  name: string;
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Standard output and error are appended here. */
  logFile: string;
  /** ms between an end and the next start; grows when crashes follow each other. */
  restartAfterMs: number;
  /** Tells people what happened: one line, without the line end. */
  report(line: string): void;
  clock?: Clock;
}

export interface ChildState {
  readonly name: string;
  /** In the lab's pid namespace; absent while it doesn't run. */
  readonly pid?: number;
  /** ms since the epoch. */
  readonly startedAt?: number;
  readonly restarts: number;
}

/** A run that lasted this long was no failure to start, on a busy machine either. */
const STEADY_MS = 10_000;
const MAX_CRASHES = 6;
const MAX_BACKOFF_MS = 5_000;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 3_000;

/** A child crashed too often in a row; the lab cannot go on. */
export class GaveUpError extends Error {
  constructor(name: string, ended: string, lastWords: string) {
    super(`${name} ${ended}, ${MAX_CRASHES} times in a row${lastWords && `; it said:\n${lastWords}`}`);
    this.name = 'GaveUpError';
  }
}

interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  error?: Error;
}

export class Child {
  readonly #options: ChildOptions;
  readonly #clock: Clock;
  #state: ChildState;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = { name: options.name, restarts: 0 };
  }

  get state(): ChildState {
    return this.#state;
  }

  /** Runs the process until `signal` aborts, then ends it and returns. Throws GaveUpError. */
  async keepRunning(signal: AbortSignal): Promise<void> {
    const { name, restartAfterMs, report } = this.#options;
    const stopping = aborted(signal); // one listener, however often the process is started
    let crashes = 0;
    while (!signal.aborted) {
      const startedAt = this.#clock.now();
      const { ending, lastWords } = await this.#runOnce(signal, stopping);
      if (signal.aborted) return;
      const ended = describeEnding(ending);
      // Whoever sends SIGKILL is not the program's fault, and may do so as often as he likes.
      if (this.#clock.now() - startedAt > STEADY_MS) crashes = 0;
      else if (ending.signal !== 'SIGKILL') crashes += 1;
      if (crashes >= MAX_CRASHES) throw new GaveUpError(name, ended, lastWords);
      const backoff = Math.min(MAX_BACKOFF_MS, crashes > 1 ? 100 * 2 ** crashes : 0);
      const waitMs = Math.max(restartAfterMs, backoff);
      const why = ending.exitCode && lastWords ? ` (${gistOf(lastWords)})` : '';
      report(`${name} ${ended}${why}; starts again ${waitMs < 1000 ? 'at once' : `in ${Math.round(waitMs / 1000)} s`}`);
      await this.#clock.sleep(waitMs, signal).catch(() => {}); // rejects only by the signal, which the loop reads next
      this.#state = { ...this.#state, restarts: this.#state.restarts + 1 };
    }
  }

  async #runOnce(signal: AbortSignal, stopping: Promise<void>): Promise<{ ending: Ending; lastWords: string }> {
    const { name, argv, env, logFile, report } = this.#options;
    const log = await open(logFile, 'a+', 0o600);
    try {
      const { size } = await log.stat();
      const child = spawn(argv[0], argv.slice(1), { env, stdio: ['ignore', log.fd, log.fd] });
      const ended = new Promise<Ending>((resolve) => {
        child.once('error', (error) => resolve({ exitCode: null, signal: null, error }));
        child.once('exit', (exitCode, killedBy) => resolve({ exitCode, signal: killedBy }));
      });
      this.#state = { ...this.#state, name, pid: child.pid, startedAt: this.#clock.now() };
      const stopped = new AbortController();
      await Promise.race([ended, stopping]);
      if (signal.aborted && child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const late = this.#clock.sleep(GRACE_MS, stopped.signal).then(
          () => {
            report(`${name} did not end within ${GRACE_MS / 1000} s and is killed`);
            return child.kill('SIGKILL');
          },
          () => false, // it ended in time
        );
        await ended;
        stopped.abort();
        await late;
      }
      const ending = await ended;
      this.#state = { ...this.#state, pid: undefined, startedAt: undefined };
      return { ending, lastWords: signal.aborted ? '' : await readLastWords(log, size) };
    } finally {
      await log.close();
    }
  }
}

function describeEnding({ exitCode, signal, error }: Ending): string {
  if (error) return `could not be started: ${error.message}`;
  return signal ? `was killed by ${signal}` : `ended with exit code ${exitCode}`;
}

/** The last lines written after byte `from`; JSON log lines are reduced to their message. */
async function readLastWords(log: Awaited<ReturnType<typeof open>>, from: number): Promise<string> {
  const { size } = await log.stat();
  const start = Math.max(from, size - 4_096);
  const { buffer, bytesRead } = await log.read(Buffer.alloc(size - start), 0, size - start, start);
  const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-12);
  return lines.map(plainLine).join('\n');
}

/** The line that names the error; else the last one. */
function gistOf(lastWords: string): string {
  const lines = lastWords.split('\n');
  return lines.find((line) => /^\w*Error\b|^vitrine /.test(line)) ?? lines.at(-1)!;
}

function plainLine(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [msg, err?.message !== msg && err?.message].filter(Boolean).join(': ') || line;
  } catch {
    return line; // cut in the middle: shown as it is
  }
}
