// Keys that need work: each once while it waits, never in two hands at the same time, again later when it failed
// (client-go util/workqueue: queue.go, delaying_queue.go, default_rate_limiters.go).
import { type Clock, systemClock } from '../host/clock.ts';

export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** ms before the first retry of a key that failed, doubled each time. Default 5. */
  readonly baseDelayMs?: number;
  /** ms that no retry waits longer than. Default 30,000. */
  readonly maxDelayMs?: number;
}

export class WorkQueue {
  readonly #clock: Clock;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  /** In the order they were added. Disjoint from #processing's keys, which wait in #again. */
  readonly #waiting = new Set<string>();
  readonly #processing = new Set<string>();
  /** Added while being processed: waiting again as soon as that is done. */
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { due: number; cancel: AbortController }>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #isShutDown = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 30_000;
  }

  /** How many keys wait; those in process and those delayed aside. */
  get length(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#isShutDown) return;
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    const taker = this.#waiting.has(key) ? undefined : this.#takers.shift();
    if (taker) {
      this.#processing.add(key);
      taker(key);
    } else this.#waiting.add(key);
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
    const { value: key, done } = this.#waiting.values().next();
    if (!done) {
      this.#waiting.delete(key);
      this.#processing.add(key);
      return Promise.resolve(key);
    }
    if (this.#isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  done(key: string): void {
    this.#processing.delete(key);
    if (this.#again.delete(key)) this.add(key);
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
