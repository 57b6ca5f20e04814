// Keeps a sink in step with what the server holds: list once, watch from there, resume where a connection broke, list
// again only when the server no longer knows that version (client-go tools/cache/reflector.go has the rules).
import type { KubeObject } from '../api/object.ts';
import { StatusError } from '../api/status.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import { Backoff } from './backoff.ts';
import { type Client, ConnectionError, type ListQuery, type Resource, type Selection } from './client.ts';

export interface Sink<T extends KubeObject> {
  /** The whole truth as of a list. */
  replace(items: T[]): void;
  /** `object` was created or changed. */
  put(object: T): void;
  /** `object` is its last state. */
  remove(object: T): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly selection?: Selection;
  readonly sink: Sink<T>;
  readonly clock?: Clock;
  readonly log?: Logger;
}

const PAGE = 1000;
/** Watches end after a random time in this range of seconds, so that a server's clients spread over its replicas. */
const WATCH_SECONDS = { min: 300, max: 600 };
/** A watch that lived this long, or said something, was a success. */
const LIVED_MS = 1_000;

/** Runs until `signal` aborts. Rejects only with what the sink throws: everything the server does is retried. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const { client, resource, selection, sink, clock = systemClock, log = silentLogger } = options;
  const backoff = new Backoff({ baseMs: 20, capMs: 3_000 });
  /** Absent: the next step is a list. */
  let version: string | undefined;
  while (!signal.aborted) {
    const started = clock.now();
    try {
      if (version === undefined) {
        const listed = await listAll(client, resource, { ...selection, signal });
        sink.replace(listed.items);
        version = listed.resourceVersion;
      }
      const before: string = version;
      version = await watchOnce(options, version, signal, (seen) => {
        version = seen;
      });
      if (version !== before || clock.now() - started >= LIVED_MS) {
        backoff.reset();
        continue;
      }
    } catch (error) {
      if (signal.aborted) return;
      // Whatever the server says against this watch, a fresh list finds out what is true now; a broken connection resumes.
      if (error instanceof StatusError) version = undefined;
      else if (!(error instanceof ConnectionError)) throw error;
      log.debug({ resource: resource.plural, error: error.message }, 'list or watch failed; trying again');
      if (clock.now() - started >= LIVED_MS) backoff.reset();
    }
    await pause(clock, backoff.next(), signal);
  }
}

/** Reads events until the server ends the watch; returns the version to go on from. Throws StatusError of an ERROR event. */
async function watchOnce<T extends KubeObject>(
  { client, resource, selection, sink }: ReflectorOptions<T>,
  from: string,
  signal: AbortSignal,
  seen: (version: string) => void,
): Promise<string> {
  let version = from;
  const timeoutSeconds = Math.round(WATCH_SECONDS.min + Math.random() * (WATCH_SECONDS.max - WATCH_SECONDS.min));
  const query = { ...selection, resourceVersion: from, timeoutSeconds, signal };
  for await (const event of client.watch(resource, query)) {
    if (event.type === 'ERROR') {
      const { code = 500, reason = 'Unknown', message = 'the watch failed' } = event.object;
      throw new StatusError(code, reason, message);
    }
    if (event.type === 'DELETED') sink.remove(event.object);
    else if (event.type !== 'BOOKMARK') sink.put(event.object);
    version = event.object.metadata.resourceVersion!;
    seen(version);
  }
  return version;
}

/** In pages, so that no single answer holds the server up; a list that expires between pages is asked for whole. */
async function listAll<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  query: ListQuery,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    let page: Awaited<ReturnType<typeof client.list<T>>>;
    try {
      page = await client.list(resource, { ...query, limit: PAGE, continue: token });
    } catch (error) {
      if (token === undefined || !(error instanceof StatusError) || error.code !== 410) throw error;
      page = await client.list(resource, query);
      return { items: page.items, resourceVersion: page.metadata.resourceVersion! };
    }
    for (const item of page.items) items.push(item);
    token = page.metadata.continue || undefined;
    if (token === undefined) return { items, resourceVersion: page.metadata.resourceVersion! };
  }
}

/** Ends early, without an error, when `signal` aborts. */
async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
