// What all tables of the catalog do: hold, of each object of one kind, only what names are made of, and say when that changed.
import { isEqual, type KubeObject, keyOf } from '../../api/object.ts';
import type { Sink } from '../../client/reflector.ts';

/** Follows one resource as the reflector's sink. `R` is what is kept of an object. */
export abstract class Table<T extends KubeObject, R> implements Sink<T> {
  readonly #rows = new Map<string, R>();
  readonly #changed: () => void;
  #isFilled = false;

  /** `changed` is called after what is kept has changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Whether the first list has arrived. */
  get isFilled(): boolean {
    return this.#isFilled;
  }

  row(key: string): R | undefined {
    return this.#rows.get(key);
  }

  replace(items: T[]): void {
    const present = new Set(items.map(keyOf));
    for (const key of [...this.#rows.keys()]) if (!present.has(key)) this.#delete(key);
    for (const object of items) this.#set(keyOf(object), this.keep(object));
    this.#isFilled = true;
    this.#changed();
  }

  put(object: T): void {
    if (this.#set(keyOf(object), this.keep(object))) this.#changed();
  }

  remove(object: T): void {
    if (this.#delete(keyOf(object))) this.#changed();
  }

  /** What to keep of an object; undefined: nothing, as if it did not exist. */
  protected abstract keep(object: T): R | undefined;
  /** Keep what finds rows otherwise than by key in step. */
  protected inserted(_row: R, _key: string): void {}
  protected deleted(_row: R, _key: string): void {}

  #set(key: string, row: R | undefined): boolean {
    const old = this.#rows.get(key);
    if (row === undefined) return this.#delete(key);
    if (old !== undefined && isEqual(old, row)) return false;
    if (old !== undefined) this.deleted(old, key);
    this.#rows.set(key, row);
    this.inserted(row, key);
    return true;
  }

  #delete(key: string): boolean {
    const old = this.#rows.get(key);
    if (old === undefined) return false;
    this.#rows.delete(key);
    this.deleted(old, key);
    return true;
  }
}
