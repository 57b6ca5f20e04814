// A cache lags behind what a loop has just written. A loop that acted on the old picture would do its work twice, so it
// waits until the cache shows its own writes (client-go's expectations, told by objects instead of counts).
import { type KubeObject, keyOf } from '../api/object.ts';
import type { Informer } from '../client/informer.ts';
import type { WorkQueue } from '../client/workqueue.ts';
import type { Clock } from '../host/clock.ts';

/** After this long without news the write is no longer waited for: a list after a lost watch may have skipped it. */
const PATIENCE_MS = 10_000;

interface Write {
  readonly uid: string | undefined;
  /** Absent: a deletion, seen when the object is gone or going. */
  readonly version: string | undefined;
  readonly at: number;
}

export class OwnWrites<T extends KubeObject> {
  readonly #informer: Informer<T>;
  readonly #queue: WorkQueue;
  readonly #clock: Clock;
  /** Outstanding writes by loop key and by the written object's key; and whether the loop is to be woken after the last. */
  readonly #pending = new Map<string, { writes: Map<string, Write>; wake: boolean }>();
  /** The loop key whose write to this object is outstanding. */
  readonly #loopKeys = new Map<string, string>();

  constructor(informer: Informer<T>, queue: WorkQueue, clock: Clock) {
    this.#informer = informer;
    this.#queue = queue;
    this.#clock = clock;
    const look = (object: T): void => this.#look(keyOf(object));
    informer.addHandlers({ add: look, update: look, delete: look });
  }

  /** `written` is what the server answered to a create or an update. */
  wrote(loopKey: string, written: T): void {
    const { uid, resourceVersion: version } = written.metadata;
    this.#note(loopKey, keyOf(written), { uid, version, at: this.#clock.now() });
  }

  /** The server accepted the deletion of `object`. */
  deleted(loopKey: string, object: T): void {
    this.#note(loopKey, keyOf(object), { uid: object.metadata.uid, version: undefined, at: this.#clock.now() });
  }

  /** Whether the cache shows all writes made for `loopKey`. If not, the key is added to the queue once it does. */
  caughtUp(loopKey: string): boolean {
    const pending = this.#pending.get(loopKey);
    if (!pending) return true;
    const now = this.#clock.now();
    for (const [key, write] of pending.writes) if (now - write.at >= PATIENCE_MS) this.#forget(key);
    if (!this.#pending.has(loopKey)) return true;
    pending.wake = true;
    this.#queue.addAfter(loopKey, PATIENCE_MS);
    return false;
  }

  #note(loopKey: string, key: string, write: Write): void {
    this.#forget(key);
    if (this.#shows(key, write)) return;
    const pending = this.#pending.get(loopKey) ?? { writes: new Map<string, Write>(), wake: false };
    pending.writes.set(key, write);
    this.#pending.set(loopKey, pending);
    this.#loopKeys.set(key, loopKey);
  }

  #look(key: string): void {
    const loopKey = this.#loopKeys.get(key);
    const write = loopKey === undefined ? undefined : this.#pending.get(loopKey)?.writes.get(key);
    if (write && this.#shows(key, write)) this.#forget(key);
  }

  #forget(key: string): void {
    const loopKey = this.#loopKeys.get(key);
    if (loopKey === undefined) return;
    this.#loopKeys.delete(key);
    const pending = this.#pending.get(loopKey)!;
    pending.writes.delete(key);
    if (pending.writes.size > 0) return;
    this.#pending.delete(loopKey);
    if (pending.wake) this.#queue.add(loopKey);
  }

  #shows(key: string, { uid, version }: Write): boolean {
    const cached = this.#informer.get(key)?.metadata;
    if (version === undefined) return !cached || cached.uid !== uid || cached.deletionTimestamp !== undefined;
    return cached?.resourceVersion !== undefined && !isOlder(cached.resourceVersion, version);
  }
}

/** Resource versions are decimal numbers of any length, comparable since Kubernetes 1.35 (KEP-5504). */
export function isOlder(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
