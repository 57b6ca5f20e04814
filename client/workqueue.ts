// Keys that need work: each once while it waits, never in two hands at the same time, again later when it failed
// (client-go util/workqueue: queue.go, delaying_queue.go, default_rate_limiters.go).
import { type Clock, systemClock } from '../host/clock.ts';

/** Hears what a queue does, for its numbers. */
export interface WorkQueueObserver {
  /** A key came that was not waiting already. */
  added(): void;
  /** A key that failed is to come again. */
  retried(): void;
  /** A worker took a key that had waited for `ms`. */
  taken(ms: number): void;
  /** A worker is done with a key after `ms`. */
  done(ms: number): void;
}

export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** ms before the first retry of a key that failed, doubled each time. Default 5. */
  readonly baseDelayMs?: number;
  /** ms that no retry waits longer than. Default 30,000. */
  readonly maxDelayMs?: number;
  readonly observer?: WorkQueueObserver;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #observer: WorkQueueObserver | undefined;
  /** Key → since when, in the order they were added. Disjoint from #processing's keys, which wait in #again. */
  readonly #waiting = new Map<string, number>();
  readonly #processing = new Map<string, number>();
  /** Added while being processed: waiting again as soon as that is done. */
  readonly #again = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { due: number; cancel: AbortController }>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #isShutDown = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 30_000;
    this.#observer = options.observer;
  }

  /** How many keys wait; those in process and those delayed aside. */
  get length(): number {
    return this.#waiting.size;
  }

  /** How long each key in process has been so, ms. */
  get inHand(): number[] {
    const now = this.#clock.now();
    return [...this.#processing.values()].map((since) => now - since);
  }

  add(key: string): void {
    const waiting = this.#processing.has(key) ? this.#again : this.#waiting;
    if (this.#isShutDown || waiting.has(key)) return;
    this.#observer?.added();
    waiting.set(key, this.#clock.now());
    if (waiting === this.#waiting) this.#handOut();
  }

  /** A key that waits and a taker that waits go together. */
  #handOut(): void {
    const taker = this.#waiting.size > 0 ? this.#takers.shift() : undefined;
    taker?.(this.#next());
  }

  /** The key that waits longest, in process from now on. */
  #next(): string | undefined {
    const { value, done } = this.#waiting.entries().next();
    if (done) return undefined;
    const [key, since] = value;
    const now = this.#clock.now();
    this.#waiting.delete(key);
    this.#processing.set(key, now);
    this.#observer?.taken(now - since);
    return key;
  }

  /** Adds `key` after `ms`; of several such wishes the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#isShutDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const due = this.#clock.now() + ms;
    const pending = this.#delayed.get(key);
    if (pending && pending.due <= due) return;
    pending?.cancel.abort();
    const cancel = new AbortController();
    this.#delayed.set(key, { due, cancel });
    this.#clock.sleep(ms, cancel.signal).then(
      () => {
        this.#delayed.delete(key);
        this.add(key);
      },
      () => {}, // superseded by an earlier wish, or shut down
    );
  }

  /** Adds `key` after a wait that doubles with every call since the last `forget`. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#observer?.retried();
    this.addAfter(key, Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs));
  }

  /** How often `key` failed since it last succeeded. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** `key` succeeded, or is given up: its next failure waits the shortest time again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, for one worker alone until it calls `done`; undefined after `shutDown`. */
  take(): Promise<string | undefined> {
    const key = this.#next();
    if (key !== undefined || this.#isShutDown) return Promise.resolve(key);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    const since = this.#processing.get(key);
    if (since !== undefined) this.#observer?.done(this.#clock.now() - since);
    this.#processing.delete(key);
    const again = this.#again.get(key);
    if (again === undefined) return;
    this.#again.delete(key);
    this.#waiting.set(key, again);
    this.#handOut();
  }

  /** Accepts nothing more, forgets what waits, and sends every worker home. */
  shutDown(): void {
    this.#isShutDown = true;
    this.#waiting.clear();
    this.#again.clear();
    for (const { cancel } of this.#delayed.values()) cancel.abort();
    this.#delayed.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}
