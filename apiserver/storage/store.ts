// The waist of storage: etcd's model. One revision counter for the whole
// store; history is kept for watches and consistent lists until it is compacted. Implementations: memory, level; one
// suite (store.suite.ts) runs on all.

/** What is stored under a key. `value` is the encoded object; nobody may change the buffer. */
export interface Entry {
  readonly key: string;
  readonly value: Buffer;
  /** Revision of the commit that created the key (and has not been deleted since). */
  readonly createRevision: number;
  /** Revision of the commit that wrote this value. */
  readonly modRevision: number;
}

/**
 * One write. `expect` is the precondition: the key's modRevision must be this, 0 meaning that the key must not exist;
 * absent means no precondition. Without `value` the key is deleted.
 */
export interface Op {
  readonly key: string;
  readonly value?: Buffer | ((revision: number) => Buffer);
  readonly expect?: number;
}

export type Change =
  | { readonly type: 'put'; readonly revision: number; readonly entry: Entry; readonly previous?: Entry }
  | { readonly type: 'delete'; readonly revision: number; readonly key: string; readonly previous: Entry };

export interface ListOptions {
  /** At most this many entries; 0 or absent: all. */
  limit?: number;
  /** Start at this key (inclusive) instead of the prefix's first. */
  from?: string;
  /** As of this revision; absent: now. Throws CompactedError when it is older than history, FutureRevisionError when newer. */
  revision?: number;
}

export interface ListResult {
  readonly entries: Entry[];
  /** The revision the list is as of. */
  readonly revision: number;
  /** How many more entries of the prefix lie behind the last one returned. */
  readonly remaining: number;
}

export interface Store {
  /** The newest durable revision. The first commit of an empty store has revision 1. */
  readonly revision: number;
  /** The oldest revision that reads and watches may still name. */
  readonly compactedRevision: number;
  /** The current value, read from memory. */
  get(key: string): Entry | undefined;
  /** Entries whose key starts with `prefix`, in key order (by UTF-16 code unit). */
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  /** How many keys start with `prefix`, now. */
  count(prefix: string): number;
  /**
   * Writes all ops (each of another key) as one revision, or none. Resolves when durable, with the revision. Rejects with
   * PreconditionError when one op's `expect` does not hold (nothing is written), with StoreClosedError after close, with
   * StoreFailedError once a write has failed. Deleting an absent key without `expect` is no change. Preconditions see
   * every commit called before this one; when one fails because of a commit that is not durable yet, the rejection waits
   * until it is, so that a `get` after it sees what stood in the way.
   */
  commit(ops: readonly Op[]): Promise<number>;
  /**
   * Calls `onChange` for every change under `prefix` after revision `after`: first from history, in order, before the
   * promise resolves; then as commits become durable. Never twice, never out of order. Rejects with CompactedError
   * when history no longer reaches `after`. `onChange` must not throw. Resolves with the function that ends the watch.
   */
  watch(prefix: string, after: number, onChange: (change: Change) => void): Promise<() => void>;
  /** Forgets history before `revision`; watches and lists from before it get CompactedError. */
  compact(revision: number): Promise<void>;
  /** Waits for pending commits, then frees everything. */
  close(): Promise<void>;
}

export class PreconditionError extends Error {
  readonly key: string;
  /** The entry as it is, absent when the key does not exist. */
  readonly current: Entry | undefined;

  constructor(key: string, current: Entry | undefined) {
    super(`precondition failed on ${key}`);
    this.name = 'PreconditionError';
    this.key = key;
    this.current = current;
  }
}

export class CompactedError extends Error {
  readonly compactedRevision: number;

  constructor(revision: number, compactedRevision: number) {
    super(`revision ${revision} is compacted; the oldest is ${compactedRevision}`);
    this.name = 'CompactedError';
    this.compactedRevision = compactedRevision;
  }
}

export class FutureRevisionError extends Error {
  readonly current: number;

  constructor(revision: number, current: number) {
    super(`revision ${revision} is in the future; the newest is ${current}`);
    this.name = 'FutureRevisionError';
    this.current = current;
  }
}

export class StoreClosedError extends Error {
  constructor() {
    super('the store is closed');
    this.name = 'StoreClosedError';
  }
}

/** A write failed: what of it is durable is unknown until the store is opened again. Reads still work. */
export class StoreFailedError extends Error {
  constructor(cause: unknown) {
    super(`the store takes no more writes: ${(cause as Error).message}`, { cause });
    this.name = 'StoreFailedError';
  }
}

/** Another process, or another store of this one, has the directory open. */
export class StoreLockedError extends Error {
  constructor(directory: string) {
    super(`${directory} is in use by another process`);
    this.name = 'StoreLockedError';
  }
}

/** What is stored is not what was written. Nothing is repaired: that would be losing data in silence. */
export class StoreCorruptError extends Error {
  constructor(directory: string, what: string) {
    super(`${directory} is damaged: ${what}`);
    this.name = 'StoreCorruptError';
  }
}

/** The directory cannot be read or written: no permission, read-only, no space, not a directory. */
export class StoreUnusableError extends Error {
  constructor(directory: string, cause: Error) {
    super(`cannot use ${directory}: ${cause.message}`, { cause });
    this.name = 'StoreUnusableError';
  }
}
