// A cache that follows the server, and tells whoever asks what changed in it.
import { type KubeObject, keyOf } from '../api/object.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { Cache, type Indexers, type Lister } from './cache.ts';
import type { Client, Resource, Selection } from './client.ts';
import { reflect, type Sink } from './reflector.ts';

/** Called in the order of the server's versions, after the cache has changed. What one throws ends the informer. */
export interface Handlers<T> {
  add?(object: T): void;
  /** `old` is what the cache held; both may be the same version after a relist found nothing newer (not called then). */
  update?(object: T, old: T): void;
  /** `object` is the last state known: of an object deleted while disconnected, what the cache held. */
  delete?(object: T): void;
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly selection?: Selection;
  readonly indexers?: Indexers<T>;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export class Informer<T extends KubeObject> implements Lister<T> {
  readonly #options: InformerOptions<T>;
  readonly #cache: Cache<T>;
  readonly #handlers: Handlers<T>[] = [];
  readonly #synced: Promise<void>;
  #markSynced!: () => void;
  #isSynced = false;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#cache = new Cache(options.indexers);
    this.#synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  get resource(): Resource<T> {
    return this.#options.resource;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get size(): number {
    return this.#cache.size;
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  list(): T[] {
    return this.#cache.list();
  }

  byIndex(index: string, value: string): T[] {
    return this.#cache.byIndex(index, value);
  }

  addIndexers(indexers: Indexers<T>): void {
    this.#cache.addIndexers(indexers);
  }

  /** Handlers added late hear of everything already in the cache first. */
  addHandlers(handlers: Handlers<T>): void {
    this.#handlers.push(handlers);
    for (const object of this.#cache.list()) handlers.add?.(object);
  }

  /** Resolves when the first list is in the cache and every handler has heard of it. */
  synced(): Promise<void> {
    return this.#synced;
  }

  /** Follows the server until `signal` aborts. Rejects only with what a handler threw. */
  run(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, clock, log } = this.#options;
    const sink: Sink<T> = {
      replace: (items) => this.#replace(items),
      put: (object) => this.#put(object),
      remove: (object) => this.#remove(object),
    };
    return reflect({ client, resource, selection, sink, clock, log }, signal);
  }

  #replace(items: T[]): void {
    const present = new Set(items.map(keyOf));
    for (const object of this.#cache.list()) if (!present.has(keyOf(object))) this.#remove(object);
    for (const object of items) this.#put(object);
    this.#isSynced = true;
    this.#markSynced();
  }

  #put(object: T): void {
    const known = this.#cache.get(keyOf(object));
    // A name used again while disconnected is another object: its handlers hear of both.
    if (known && known.metadata.uid !== object.metadata.uid) this.#remove(known);
    const old = this.#cache.set(object);
    if (!old) for (const handlers of this.#handlers) handlers.add?.(object);
    else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
      for (const handlers of this.#handlers) handlers.update?.(object, old);
    }
  }

  #remove(object: T): void {
    if (!this.#cache.delete(keyOf(object))) return;
    for (const handlers of this.#handlers) handlers.delete?.(object);
  }
}
