// The watch feed: one subscription to the store per resource, shared by all its watchers. Invariant: a watcher that starts
// after revision R gets every change after R exactly once, in order, and none from the future.
import type { Change, Store } from '../storage/store.ts';
import { FeedEvent } from './event.ts';

export type Listener = (event: FeedEvent) => void;

/** Newest events that are kept for watchers that start a little late; older ones come from the store's history. */
const KEPT_EVENTS = 256;

export class Feed {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #listeners = new Set<Listener>();
  #recent: FeedEvent[] = [];
  /** Every change after this revision is in #recent. */
  #reachesBackTo = 0;
  #started: Promise<void> | undefined;
  #stop: (() => void) | undefined;

  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /**
   * Calls `listener` for every change after `revision`, past ones first. Throws CompactedError when history no longer
   * reaches back to it. Returns the function that ends it.
   */
  async listen(revision: number, listener: Listener): Promise<() => void> {
    this.#started ??= this.#start();
    await this.#started;
    if (revision >= this.#reachesBackTo) {
      for (const event of this.#recent) if (event.revision > revision) listener(event);
      return this.#add(listener);
    }
    return this.#listenFromHistory(revision, listener);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  close(): void {
    this.#stop?.();
    this.#listeners.clear();
    this.#recent = [];
  }

  async #start(): Promise<void> {
    this.#reachesBackTo = this.#store.revision;
    this.#stop = await this.#store.watch(this.#prefix, this.#reachesBackTo, (change) => this.#publish(change));
  }

  #publish(change: Change): void {
    const event = new FeedEvent(change);
    this.#recent.push(event);
    if (this.#recent.length > 2 * KEPT_EVENTS) this.#forget(KEPT_EVENTS);
    for (const listener of this.#listeners) listener(event);
  }

  /** Drops the oldest `count` events, and those of the same revision as the last of them: a revision is kept whole. */
  #forget(count: number): void {
    this.#reachesBackTo = this.#recent[count - 1].revision;
    this.#recent = this.#recent.filter((event) => event.revision > this.#reachesBackTo);
  }

  #add(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Live events wait until history has been told; what both of them have is told once. */
  async #listenFromHistory(revision: number, listener: Listener): Promise<() => void> {
    const waiting: FeedEvent[] = [];
    let deliver = (event: FeedEvent): void => {
      waiting.push(event);
    };
    const remove = this.#add((event) => deliver(event));
    let told = revision;
    try {
      const stop = await this.#store.watch(this.#prefix, revision, (change) => {
        listener(new FeedEvent(change));
        told = change.revision;
      });
      stop();
    } catch (error) {
      remove();
      throw error;
    }
    for (const event of waiting) if (event.revision > told) listener(event);
    deliver = listener;
    return remove;
  }
}

/** The feeds of all resources, each made when somebody first watches. */
export class Feeds {
  readonly #store: Store;
  readonly #feeds = new Map<string, Feed>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** `storage` as in Kind: `apps/deployments`. */
  feedOf(storage: string): Feed {
    let feed = this.#feeds.get(storage);
    if (!feed) {
      feed = new Feed(this.#store, `${storage}/`);
      this.#feeds.set(storage, feed);
    }
    return feed;
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
  }
}
