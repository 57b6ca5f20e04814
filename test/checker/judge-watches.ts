// The whole trial: writers, a watcher who hears all, watchers who come and go, and a server that is killed now and then.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../harness/random.ts';
import { History } from './history.ts';
import { MortalServer } from './server.ts';
import { watchStream } from './stream.ts';
import { watchAtRandom } from './watcher.ts';
import { write } from './writer.ts';

export interface TrialOptions {
  readonly seed: number;
  /** How long the writers write, s; longer when nothing was judged by then. */
  readonly seconds: number;
  /** Called with each problem in the moment it is found. */
  readonly onProblem?: (problem: string) => void;
  readonly signal: AbortSignal;
}

export interface TrialResult {
  readonly problems: readonly string[];
  readonly events: number;
  /** How often the server was started. */
  readonly lives: number;
  /** How many watches and lists were judged and found right, by kind. */
  readonly judged: Readonly<Record<string, number>>;
}

const WRITERS = 4;
const WATCHERS = 12;
/** ms of history that the server keeps: short, so that it compacts often, and long enough for the one who hears all to come back. */
const KEPT_MS = 15_000;
/** More problems than these say nothing new. */
const MAX_PROBLEMS = 20;

export async function judgeWatches({ seed, seconds, onProblem, signal }: TrialOptions): Promise<TrialResult> {
  const dataDir = await mkdtemp(join(tmpdir(), 'vitrine-checker-'));
  const random = new Random(seed);
  const server = new MortalServer(dataDir, ['--etcd-compaction-interval', `${KEPT_MS}ms`]);
  const history = new History();
  const problems: string[] = [];
  const judged: Record<string, number> = {};
  const enough = new AbortController();
  const report = (problem: string): void => {
    problems.push(problem);
    onProblem?.(problem);
    if (problems.length >= MAX_PROBLEMS) enough.abort();
  };
  const until = Date.now() + seconds * 1000;
  const alarm = setInterval(() => {
    if (Date.now() >= until && Object.keys(judged).length > 0) enough.abort();
  }, 50);
  const writing = AbortSignal.any([signal, enough.signal]);
  const watching = new AbortController();
  const listening = new AbortController();
  const options = { server, history, keptMs: KEPT_MS, report, judged: count(judged) };
  try {
    await server.start();
    const auditor = hearAll({ server, history, report, signal: listening.signal });
    const watchers = Array.from({ length: WATCHERS }, () =>
      watchAtRandom({ ...options, random: random.fork(), signal: watching.signal }),
    );
    const writers = Array.from({ length: WRITERS }, (_, id) =>
      write({ id, server, history, random: random.fork(), signal: writing }).catch((error: Error) =>
        report(error.message),
      ),
    );
    const lives = await liveAndDie(server, random.fork(), { signal: writing, report });
    await Promise.all(writers);
    await settle(server, history, report);
    watching.abort();
    await Promise.all(watchers);
    listening.abort();
    await auditor;
    problems.push(...history.brokenPromises().slice(0, MAX_PROBLEMS));
    const end = await server.end('SIGTERM');
    if (end) report(end);
    return { problems, events: history.length, lives, judged };
  } finally {
    clearInterval(alarm);
    watching.abort();
    listening.abort();
    if (server.connection) await server.end('SIGKILL');
    await rm(dataDir, { recursive: true });
  }
}

function count(judged: Record<string, number>): (what: string) => void {
  return (what) => {
    judged[what] = (judged[what] ?? 0) + 1;
  };
}

interface Auditor {
  readonly server: MortalServer;
  readonly history: History;
  readonly report: (problem: string) => void;
  readonly signal: AbortSignal;
}

/** Watches everything from the first write on; after a crash, from where it was. */
async function hearAll({ server, history, report, signal }: Auditor): Promise<void> {
  while (!signal.aborted) {
    await server.untilThere(signal);
    const { connection, life } = server;
    if (!connection) continue;
    const query = `&resourceVersion=${Math.max(1, history.revision)}`;
    for await (const one of watchStream(connection, { query, signal: AbortSignal.any([signal, life]) })) {
      const problem =
        one.type === 'event'
          ? history.hear(one.event, Date.now())
          : one.type === 'error' && `the watch failed: ${one.code}`;
      if (problem) report(`the one who hears all: ${problem}`);
      if (one.type === 'error') return;
    }
  }
}

/** Ends and starts the server until `signal` aborts; it is there in the end. Returns how often it was started. */
async function liveAndDie(
  server: MortalServer,
  random: Random,
  { signal, report }: { readonly signal: AbortSignal; readonly report: (problem: string) => void },
): Promise<number> {
  for (let lives = 1; ; lives++) {
    await pause(1500 + random.below(8000), signal);
    if (signal.aborted) return lives;
    const problem = await server.end(random.chance(0.75) ? 'SIGKILL' : 'SIGTERM');
    if (problem) report(problem);
    await server.start();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** One last write, of everybody's and nobody's: when the history has it, it has all. */
async function settle(server: MortalServer, history: History, report: (problem: string) => void): Promise<void> {
  const ending = new AbortController();
  const before = history.revision;
  const last = write({ id: WRITERS, server, history, random: new Random(0), signal: ending.signal }).catch(
    (error: Error) => report(error.message),
  );
  const deadline = Date.now() + 20_000;
  while (history.revision <= before && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  ending.abort();
  await last;
  if (history.revision <= before) report('the last write was not heard of within 20 s');
}
