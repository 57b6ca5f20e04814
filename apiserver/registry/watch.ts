// WATCH: the initial state when the client asks for it, then every change after its revision.
import { CompactedError } from '../storage/store.ts';
import type { FeedEvent } from '../watch/event.ts';
import { keyFor, prefixFor } from './codec.ts';
import { readPage } from './list.ts';
import { type ListOptions, readListOptions } from './list-options.ts';
import type { Answer, Call, Registry, WatchSink } from './registry.ts';
import { selectionOf } from './selection.ts';
import { objectVersion, tooLarge, tooOld } from './versions.ts';

/** Without timeoutSeconds a watch lasts 30 to 60 minutes, so that clients spread their reconnects. */
const MIN_TIMEOUT_MS = 1800_000;

const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' };

export async function watch(registry: Registry, call: Call): Promise<Answer> {
  const options = readListOptions(call.query);
  const asked = objectVersion(options.resourceVersion);
  const selection = selectionOf(call, options.labelSelector, options.fieldSelector);
  const { compactedRevision } = registry.store;
  if (!wantsInitialState(options, asked) && asked < compactedRevision) throw tooOld(asked, compactedRevision);
  const timeoutMs = options.timeoutSeconds > 0 ? options.timeoutSeconds * 1000 : MIN_TIMEOUT_MS * (1 + Math.random());
  const follow = follower(call, selection.onlyKey, selection.filter);
  return {
    type: 'watch',
    watch: { timeoutMs, start: (sink) => start(registry, call, options, asked, follow, sink) },
  };
}

/** Without a version, or with 0, a watch begins with what there is, unless the client says that it wants none. */
function wantsInitialState({ sendInitialEvents }: ListOptions, asked: number): boolean {
  return sendInitialEvents ?? asked === 0;
}

type Follow = (event: FeedEvent, sink: WatchSink) => void;

/** Tells the sink of an event if it is one of the watcher's. */
function follower(call: Call, onlyKey: string | undefined, filter: Parameters<FeedEvent['typeFor']>[1]): Follow {
  const { kind } = call;
  const prefix = prefixFor(kind, call.namespace);
  const single = call.name ? keyFor(kind, call.namespace, call.name) : onlyKey;
  const concerns = (key: string): boolean => (single === undefined ? key.startsWith(prefix) : key === single);
  return (event, sink) => {
    if (!concerns(event.key)) return;
    const type = event.typeFor(kind, filter);
    if (type) sink.event(event, type);
  };
}

async function start(
  registry: Registry,
  call: Call,
  options: ListOptions,
  asked: number,
  follow: Follow,
  sink: WatchSink,
): Promise<() => void> {
  const { revision } = registry.store;
  let from = asked || revision;
  if (wantsInitialState(options, asked)) {
    // Upstream has answered by the time it finds out: the client gets an event.
    if (asked > revision) throw tooLarge(asked, revision);
    const page = await readPage(registry, call, { ...options, limit: 0, resourceVersion: '', match: '', continue: '' });
    for (const entry of page.entries) sink.initial(entry.value);
    from = page.revision;
    if (options.sendInitialEvents && options.allowWatchBookmarks) sink.bookmark(from, INITIAL_EVENTS_END);
  }
  try {
    return await registry.feeds.feedOf(call.kind.storage).listen(from, (event) => {
      if (event.revision > from) follow(event, sink); // a watch may begin in the future
    });
  } catch (error) {
    if (error instanceof CompactedError) throw tooOld(from, error.compactedRevision);
    throw error;
  }
}
