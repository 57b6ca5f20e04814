// What an informer knows: objects by key, and by whatever else they are asked for. Nobody may change what is in here.
import { type KubeObject, keyOf } from '../api/object.ts';

/** The values under which an object is found in one index. */
export type Indexer<T> = (object: T) => readonly string[];
export type Indexers<T> = Readonly<Record<string, Indexer<T>>>;

/** Reading half of a cache: all that controllers get to see. */
export interface Lister<T extends KubeObject> {
  get(key: string): T | undefined;
  list(): T[];
  /** Objects whose indexer `index` names `value`; throws when there is no such index. */
  byIndex(index: string, value: string): T[];
  readonly size: number;
}

export class Cache<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  /** index → value → key → object */
  readonly #indices = new Map<string, { of: Indexer<T>; values: Map<string, Map<string, T>> }>();

  constructor(indexers: Indexers<T> = {}) {
    for (const [name, of] of Object.entries(indexers)) this.#indices.set(name, { of, values: new Map() });
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indices.get(index);
    if (!found) throw new TypeError(`no index "${index}"`);
    return [...(found.values.get(value)?.values() ?? [])];
  }

  /** An index added later covers the objects already here. Adding one that exists changes nothing. */
  addIndexers(indexers: Indexers<T>): void {
    for (const [name, of] of Object.entries(indexers)) {
      if (this.#indices.has(name)) continue;
      const index = { of, values: new Map<string, Map<string, T>>() };
      this.#indices.set(name, index);
      for (const [key, object] of this.#objects) insert(index, key, object);
    }
  }

  /** Returns what was there before. */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indices.values()) {
      if (old) remove(index, key, old);
      insert(index, key, object);
    }
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indices.values()) remove(index, key, old);
    return old;
  }
}

interface Index<T> {
  of: Indexer<T>;
  values: Map<string, Map<string, T>>;
}

function insert<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.of(object)) {
    let found = index.values.get(value);
    if (!found) {
      found = new Map();
      index.values.set(value, found);
    }
    found.set(key, object);
  }
}

function remove<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.of(object)) {
    const found = index.values.get(value);
    found?.delete(key);
    if (found?.size === 0) index.values.delete(value);
  }
}
