// What stands in for clock and kernel in the tests of the sync loop: both do nothing until the test says so.
import type { Clock } from '../host/clock.ts';
import type { Backend, RuleIndex } from './backend.ts';
import type { Plan } from './plan.ts';

/** What was handed in and not yet taken: whoever comes first waits for the other. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  get size(): number {
    return this.#items.length;
  }
}

export interface Sleep {
  readonly ms: number;
  wake(): void;
}

export class ManualClock implements Clock {
  time = 1_000_000;
  readonly sleeps = new Mailbox<Sleep>();
  now = (): number => this.time;

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(signal!.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      this.sleeps.put({
        ms,
        wake: () => {
          this.time += ms;
          signal?.removeEventListener('abort', stop);
          resolve();
        },
      });
    });
  }
}

export interface Call {
  readonly how: 'full' | 'partial';
  readonly changed: readonly string[];
  done(): void;
  refuse(): void;
}

/** As the waist says: a partial sync touches the named service ports only, and a refused one nothing. */
export class MemoryBackend implements Backend {
  readonly name = 'nftables';
  readonly rules: RuleIndex = { find: () => undefined };
  readonly kernel = new Map<string, number>();
  readonly calls = new Mailbox<Call>();
  readonly looks = new Mailbox<(isIntact: boolean | undefined) => void>();
  lost: () => void = () => undefined;

  sync(plan: Plan, changed?: ReadonlySet<string>): Promise<void> {
    const apply = (): void => {
      if (!changed) this.kernel.clear();
      for (const id of changed ?? plan.services.keys()) {
        const port = plan.services.get(id);
        if (port) this.kernel.set(id, port.port);
        else this.kernel.delete(id);
      }
    };
    return new Promise((resolve, reject) => {
      this.calls.put({
        how: changed ? 'partial' : 'full',
        changed: [...(changed ?? [])],
        done: () => {
          apply();
          resolve();
        },
        refuse: () => reject(new Error('no room')),
      });
    });
  }

  isIntact(): Promise<boolean | undefined> {
    return new Promise((resolve) => this.looks.put(resolve));
  }

  guard(lost: () => void, signal: AbortSignal): Promise<void> {
    this.lost = lost;
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  cleanup(): Promise<void> {
    this.kernel.clear();
    return Promise.resolve();
  }
}
