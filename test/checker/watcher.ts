// Watchers that come and go: each begins somewhere, sees what it sees, and is judged by the history when it ends.
import type { Connection } from '../../client/connection.ts';
import { ask } from '../harness/ask.ts';
import type { Random } from '../harness/random.ts';
import { difference, EVERYTHING, type History, type Seen, type Selector } from './history.ts';
import type { MortalServer } from './server.ts';
import { watchStream } from './stream.ts';
import { COLORS, CONFIGMAPS } from './writer.ts';

const PATIENCE_MS = 20_000;

export interface WatcherOptions {
  readonly server: MortalServer;
  readonly history: History;
  readonly random: Random;
  /** ms that the server promises to keep history. */
  readonly keptMs: number;
  readonly signal: AbortSignal;
  /** What was found, and how often nothing was. */
  readonly report: (problem: string) => void;
  readonly judged: (what: string) => void;
}

/** Watches, again and again, until `signal` aborts. */
export async function watchAtRandom(options: WatcherOptions): Promise<void> {
  const { server, history, random, signal } = options;
  while (!signal.aborted) {
    await server.untilThere(signal);
    const { connection, life } = server;
    if (!connection || history.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    const selector = selectorOf(random, history);
    const during = AbortSignal.any([signal, life]);
    const watch = { connection, selector, during };
    const way = random.below(3);
    if (way === 0) await fromRevision(watch, history.revisionNear(2000, random.next()), options);
    else if (way === 1) await fromList(watch, options);
    else await fromInitialEvents(watch, options);
  }
}

interface Watch {
  readonly connection: Connection;
  readonly selector: Selector;
  readonly during: AbortSignal;
}

function selectorOf(random: Random, history: History): Selector {
  const color = random.one(COLORS);
  const objects = history.stateAt(history.revision, EVERYTHING);
  const name = objects.length > 0 ? random.one(objects).name : 'writer-0-0';
  return random.one<Selector>([
    EVERYTHING,
    { query: `&labelSelector=color%3D${color}`, matches: (object) => object.color === color },
    { query: `&labelSelector=color!%3D${color}`, matches: (object) => object.color !== color },
    { query: `&fieldSelector=metadata.name%3D${name}`, matches: (object) => object.name === name },
  ]);
}

/** Names what nobody here wrote, such as the root's certificates: left out everywhere. */
const OTHERS = 'kube-root-ca.crt';

async function fromRevision(watch: Watch, from: number, options: WatcherOptions): Promise<void> {
  const { events, upTo, refusal } = await follow(watch, `&resourceVersion=${from}`, options);
  if (refusal !== undefined) {
    if (options.server.connection !== watch.connection) return; // it was about to end
    const age = options.history.ageOf(from, Date.now());
    const isOld = refusal === 410 && age >= options.keptMs;
    if (!isOld) options.report(`watch from ${from}, ${age} ms old: refused with ${refusal}`);
    return;
  }
  await judge('watch from a revision', { from, upTo, events, selector: watch.selector }, options);
}

async function fromList(watch: Watch, options: WatcherOptions): Promise<void> {
  const listed = await listPages(watch, options).catch((error: Error) => {
    if (!watch.during.aborted && options.server.connection === watch.connection) options.report(error.message);
    return undefined;
  });
  if (!listed) return;
  await judgeState('list', listed, watch.selector, options);
  await fromRevision(watch, listed.revision, options);
}

async function fromInitialEvents(watch: Watch, options: WatcherOptions): Promise<void> {
  const query = '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
  const { events, upTo, initialEnd, initialCount, refusal } = await follow(watch, query, options);
  if (refusal !== undefined) {
    if (options.server.connection !== watch.connection) return; // it was about to end
    return options.report(`watch with initial events: refused with ${refusal}`);
  }
  if (initialEnd === undefined) return; // it broke before
  const objects = events.slice(0, initialCount);
  await judgeState('initial events', { revision: initialEnd, objects }, watch.selector, options);
  const rest = { from: initialEnd, upTo, events: events.slice(initialCount), selector: watch.selector };
  await judge('watch after initial events', rest, options);
}

interface State {
  readonly revision: number;
  readonly objects: readonly Seen[];
}

interface Item {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Record<string, string>;
  };
  readonly data?: Record<string, string>;
}

/** Undefined when history was compacted between two pages. Rejects with what else went wrong. */
async function listPages({ connection, selector }: Watch, { random }: WatcherOptions): Promise<State | undefined> {
  const limit = random.one([0, 1, 3, 7]);
  const objects: Seen[] = [];
  let token = '';
  for (;;) {
    const path = `${CONFIGMAPS}?limit=${limit}${selector.query}${token && `&continue=${encodeURIComponent(token)}`}`;
    const { status, text } = await ask(connection, { method: 'GET', path, patienceMs: PATIENCE_MS });
    if (status === 410 && token) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    const { items, metadata } = JSON.parse(text) as {
      items: Item[];
      metadata: { resourceVersion: string; continue?: string };
    };
    objects.push(...items.filter(({ metadata: { name } }) => name !== OTHERS).map(seenOf));
    token = metadata.continue ?? '';
    if (!token) return { revision: Number(metadata.resourceVersion), objects };
  }
}

function seenOf({ metadata, data }: Item): Seen {
  const { name, resourceVersion, labels } = metadata;
  return {
    type: 'ADDED',
    revision: Number(resourceVersion),
    name,
    color: labels?.color ?? '',
    value: data?.value ?? '',
  };
}

interface Followed {
  readonly events: Seen[];
  /** Everything up to here has been told. */
  readonly upTo: number;
  /** The revision of the bookmark that ends the initial events, and how many they were. */
  readonly initialEnd?: number;
  readonly initialCount: number;
  /** The code of a refusal. */
  readonly refusal?: number;
}

/** Watches until the server ends it, which is soon; some readers sleep between lines, and some stop reading altogether for a while. */
async function follow(
  { connection, selector, during }: Watch,
  query: string,
  { random }: WatcherOptions,
): Promise<Followed> {
  const events: Seen[] = [];
  let upTo = 0;
  let initialEnd: number | undefined;
  let initialCount = 0;
  const slowness = random.one([0, 0, 0, 20, 3000]);
  const nap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, slowness));
  const seconds = 1 + random.below(4);
  const stream = watchStream(connection, {
    query: `${query}${selector.query}&allowWatchBookmarks=true&timeoutSeconds=${seconds}`,
    signal: during,
    beforeReading: slowness > 0 ? () => (random.chance(0.05) ? nap() : Promise.resolve()) : undefined,
  });
  for await (const one of stream) {
    if (one.type === 'error') return { events, upTo, initialCount, initialEnd, refusal: one.code };
    if (one.type === 'event' && one.event.name === OTHERS) continue;
    if (one.type === 'event') events.push(one.event);
    else if (one.endsInitial) {
      initialEnd = one.revision;
      initialCount = events.length;
    }
    upTo =
      one.type === 'event'
        ? initialEnd === undefined && query.includes('sendInitial')
          ? 0
          : one.event.revision
        : one.revision;
  }
  return { events, upTo, initialEnd, initialCount };
}

interface Told {
  readonly from: number;
  readonly upTo: number;
  readonly events: readonly Seen[];
  readonly selector: Selector;
}

async function judge(what: string, { from, upTo, events, selector }: Told, options: WatcherOptions): Promise<void> {
  if (upTo === 0) return; // it was told nothing, and promised nothing
  if (!(await heardOf(upTo, options))) return;
  const wrong = difference(events, options.history.expected(from, upTo, selector));
  if (wrong) options.report(`${what} (${selector.query}) after ${from} up to ${upTo}: ${wrong}`);
  else options.judged(what);
}

async function judgeState(
  what: string,
  { revision, objects }: State,
  selector: Selector,
  options: WatcherOptions,
): Promise<void> {
  if (!(await heardOf(revision, options))) return;
  const wanted = options.history.stateAt(revision, selector).map((object) => ({ ...object, type: 'ADDED' as const }));
  const wrong = difference(objects, wanted);
  if (wrong) options.report(`${what} (${selector.query}) at ${revision}: ${wrong}`);
  else options.judged(what);
}

/** Waits until the history reaches `revision`; false when it ended before. */
async function heardOf(revision: number, { history, signal, report }: WatcherOptions): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (history.revision < revision && !signal.aborted) {
    if (Date.now() > deadline) {
      report(`the one who hears all is at ${history.revision}, long after ${revision} was told to another`);
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return history.revision >= revision;
}
