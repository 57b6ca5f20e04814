// What every store shares: revisions, preconditions, current state, history and watches. An implementation adds only a
// Journal, which makes commits durable.
import { entryAfter, History, keyOfChange } from './history.ts';
import { KeyIndex } from './key-index.ts';
import type { Change, Entry, ListOptions, ListResult, Op, Store } from './store.ts';
import { CompactedError, FutureRevisionError, PreconditionError, StoreClosedError, StoreFailedError } from './store.ts';

/** One commit's changes, all of the same revision. */
export interface Commit {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** What history keeps of a change: what it replaced. The value it wrote is what the next change replaced, or what is current. */
export interface Undo {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  readonly key: string;
  readonly previous?: Entry;
}

/** Makes commits durable. */
export interface Journal {
  /** Awaited before each write: how long commits gather into one. */
  gather(): Promise<void>;
  /** Resolves when all of `commits` are durable, each whole. Never called while an earlier write is under way. */
  write(commits: readonly Commit[]): Promise<void>;
  /** Every change with `after` < revision ≤ `upTo`, in order. */
  read(after: number, upTo: number): Promise<Undo[]>;
  /** Drops what `read` knows up to and including `revision`. */
  forget(revision: number): Promise<void>;
  close(): Promise<void>;
}

/** Where a store begins: what its journal held when it was opened. */
export interface Origin {
  readonly revision: number;
  readonly compactedRevision: number;
  readonly entries: Iterable<Entry>;
}

export interface RevisionStoreOptions {
  /** Bytes of replaced values kept in memory; older history is read from the journal. */
  historyBytes: number;
  /** Called once, when a write fails. Every later commit is refused. */
  onFailure?: (error: StoreFailedError) => void;
}

interface Waiting extends Commit {
  resolve(revision: number): void;
  reject(error: Error): void;
}

interface Pending {
  readonly change: Change;
  /** Settles when the change is durable, or never will be. */
  readonly durable: Promise<number>;
}

interface Watcher {
  readonly prefix: string;
  readonly onChange: (change: Change) => void;
  /** Everything up to this revision has been delivered. */
  position: number;
}

export class RevisionStore implements Store {
  readonly #journal: Journal;
  readonly #options: RevisionStoreOptions;
  /** Durable state, of `revision`. */
  readonly #current = new Map<string, Entry>();
  readonly #keys = new KeyIndex();
  readonly #history: History;
  readonly #watchers = new Set<Watcher>();
  /** The newest change of every key that has one which is not durable yet. */
  readonly #pending = new Map<string, Pending>();
  #queue: Waiting[] = [];
  #flush: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #revision: number;
  /** The revision of the newest commit called; `revision` follows it as batches become durable. */
  #assigned: number;
  #compactedRevision: number;
  #failure: StoreFailedError | undefined;
  #closing: Promise<void> | undefined;

  constructor(journal: Journal, origin: Origin, options: RevisionStoreOptions) {
    this.#journal = journal;
    this.#options = options;
    this.#revision = origin.revision;
    this.#assigned = origin.revision;
    this.#compactedRevision = origin.compactedRevision;
    this.#history = new History(origin.revision, options.historyBytes);
    for (const entry of origin.entries) this.#set(entry.key, entry);
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  get(key: string): Entry | undefined {
    return this.#current.get(key);
  }

  count(prefix: string): number {
    return this.#keys.count(prefix, prefix);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#refuseWhenClosed();
    const { from = prefix, revision } = options;
    const limit = options.limit || Number.POSITIVE_INFINITY;
    if (revision !== undefined && revision !== this.#revision) return this.#listAsOf(prefix, from, limit, revision);
    const keys = this.#keys.list(prefix, from, limit);
    const entries = keys.map((key) => this.#current.get(key)!);
    const remaining = entries.length < limit ? 0 : this.#keys.count(prefix, from) - entries.length;
    return { entries, revision: this.#revision, remaining };
  }

  async commit(ops: readonly Op[]): Promise<number> {
    this.#refuseWhenClosed();
    if (this.#failure) throw this.#failure;
    for (const op of ops) {
      const newest = this.#newest(op.key);
      if (op.expect === undefined || op.expect === (newest?.modRevision ?? 0)) continue;
      // Answered only when what it is based on is durable: the caller may tell others, and will read before trying again.
      await this.#pending.get(op.key)?.durable;
      throw new PreconditionError(op.key, newest);
    }
    const revision = this.#assigned + 1;
    const changes = ops.map((op) => this.#change(op, revision)).filter((change) => change !== undefined);
    if (new Set(changes.map(keyOfChange)).size < changes.length) throw new Error('a commit names a key twice');
    if (changes.length === 0) {
      await Promise.all(ops.map((op) => this.#pending.get(op.key)?.durable));
      return this.#revision;
    }
    this.#assigned = revision;
    const durable = new Promise<number>((resolve, reject) => {
      this.#queue.push({ revision, changes, resolve, reject });
    });
    for (const change of changes) this.#pending.set(keyOfChange(change), { change, durable });
    this.#flush ??= this.#flushQueue();
    return durable;
  }

  async watch(prefix: string, after: number, onChange: (change: Change) => void): Promise<() => void> {
    return this.#withChanges(after, (changes) => {
      const watcher: Watcher = { prefix, onChange, position: after };
      this.#watchers.add(watcher);
      this.#deliver(watcher, changes, Math.max(after, this.#revision));
      return () => void this.#watchers.delete(watcher);
    });
  }

  async compact(revision: number): Promise<void> {
    this.#refuseWhenClosed();
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision <= this.#compactedRevision) return;
    this.#compactedRevision = revision;
    this.#history.forget(revision);
    const forgotten = this.#compacting.then(() => this.#journal.forget(revision));
    this.#compacting = forgotten.catch(() => {}); // told to whoever asked for it
    return forgotten;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#flush;
    await this.#compacting;
    this.#watchers.clear();
    await this.#journal.close();
  }

  #refuseWhenClosed(): void {
    if (this.#closing) throw new StoreClosedError();
  }

  /** What the key holds once everything called so far is durable. */
  #newest(key: string): Entry | undefined {
    const pending = this.#pending.get(key);
    return pending ? entryAfter(pending.change) : this.#current.get(key);
  }

  #change(op: Op, revision: number): Change | undefined {
    const { key } = op;
    const previous = this.#newest(key);
    if (op.value === undefined) return previous && { type: 'delete', revision, key, previous };
    const value = typeof op.value === 'function' ? op.value(revision) : op.value;
    const createRevision = previous?.createRevision ?? revision;
    return { type: 'put', revision, entry: { key, value, createRevision, modRevision: revision }, previous };
  }

  /** Group commit: while one batch is being made durable, the next accumulates. */
  async #flushQueue(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#journal.gather();
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#journal.write(batch);
      } catch (error) {
        this.#fail(error, batch);
        break;
      }
      for (const commit of batch) this.#apply(commit);
      // In the next turn, when what watchers are told has left: who writes, and then looks at what it has heard, finds its own change.
      setImmediate(() => {
        for (const { revision, resolve } of batch) resolve(revision);
      });
    }
    this.#flush = undefined;
  }

  /** What a failed write left in the journal is unknown until it is opened again, so nothing more may be written. */
  #fail(cause: unknown, batch: readonly Waiting[]): void {
    this.#failure = new StoreFailedError(cause);
    for (const commit of [...batch, ...this.#queue]) commit.reject(this.#failure);
    this.#queue = [];
    this.#pending.clear();
    this.#options.onFailure?.(this.#failure);
  }

  #apply({ revision, changes }: Commit): void {
    for (const change of changes) {
      const key = keyOfChange(change);
      this.#set(key, entryAfter(change));
      if (this.#pending.get(key)?.change === change) this.#pending.delete(key);
    }
    this.#history.append(changes);
    this.#revision = revision;
    for (const watcher of this.#watchers) this.#deliver(watcher, changes, revision);
  }

  #set(key: string, entry: Entry | undefined): void {
    if (entry) {
      if (!this.#current.has(key)) this.#keys.add(key);
      this.#current.set(key, entry);
    } else if (this.#current.delete(key)) this.#keys.remove(key);
  }

  /** `position` moves first: a callback may end the watch, or start another that reads the same changes from history. */
  #deliver(watcher: Watcher, changes: readonly Change[], upTo: number): void {
    const { prefix, position, onChange } = watcher;
    if (upTo <= position) return;
    watcher.position = upTo;
    for (const change of changes) {
      if (!keyOfChange(change).startsWith(prefix)) continue;
      if (!this.#watchers.has(watcher)) return;
      onChange(change);
    }
  }

  async #listAsOf(prefix: string, from: string, limit: number, revision: number): Promise<ListResult> {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    return this.#withChanges(revision, (changes) => {
      const then = undo(changes, (key) => key.startsWith(prefix) && key >= from);
      // Enough of the present keys for a full page, even when every changed key among them was absent then.
      const now = this.#keys.list(prefix, from, limit + then.size);
      const unchanged = now.filter((key) => !then.has(key)).map((key) => this.#current.get(key)!);
      const changed = [...then.values()].filter((entry) => entry !== undefined);
      const entries = [...unchanged, ...changed].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
      const appeared = [...then.keys()].filter((key) => this.#current.has(key)).length;
      const total = this.#keys.count(prefix, from) - appeared + changed.length;
      return { entries, revision, remaining: total - entries.length };
    });
  }

  /**
   * Calls `use` with every change after `after`, with nothing awaited in between: what `use` reads is as new as the last
   * change. Rejects with CompactedError.
   */
  async #withChanges<T>(after: number, use: (changes: Change[]) => T): Promise<T> {
    this.#refuseWhenClosed();
    const older: Undo[] = [];
    let reached = after;
    while (after >= this.#compactedRevision && reached < this.#history.floor) {
      const upTo = this.#history.floor;
      for (const record of await this.#journal.read(reached, upTo)) older.push(record);
      reached = upTo;
    }
    this.#refuseWhenClosed();
    if (after < this.#compactedRevision) throw new CompactedError(after, this.#compactedRevision);
    const newer = this.#history.after(reached);
    return use([...this.#redo(older, newer), ...newer]);
  }

  /** Finds the values that `older` changes wrote: what the next change of the key replaced, or what is current. */
  #redo(older: readonly Undo[], newer: readonly Change[]): Change[] {
    if (older.length === 0) return [];
    const then = undo(newer, () => true);
    const changes = older.toReversed().map((record): Change => {
      const { type, revision, key, previous } = record;
      const entry = then.has(key) ? then.get(key) : this.#current.get(key);
      then.set(key, previous);
      return type === 'put'
        ? { type, revision, entry: entry!, previous }
        : { type, revision, key, previous: previous! };
    });
    return changes.reverse();
  }
}

/** What the keys of `changes` held before the first of them; undefined: nothing. */
function undo(changes: readonly Change[], concerns: (key: string) => boolean): Map<string, Entry | undefined> {
  const then = new Map<string, Entry | undefined>();
  for (const change of changes) {
    const key = keyOfChange(change);
    if (!then.has(key) && concerns(key)) then.set(key, change.previous);
  }
  return then;
}
