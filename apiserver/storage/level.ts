// The store on disk, embedded: LevelDB makes commits durable, memory answers reads.
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LevelJournal } from './level-journal.ts';
import { type Origin, RevisionStore, type RevisionStoreOptions } from './revisions.ts';
import type { Snapshot } from './snapshot.ts';

export interface LevelStoreOptions extends Partial<Omit<RevisionStoreOptions, 'onFailure'>> {
  /** Called once: with a StoreFailedError when a write fails, with a StoreCorruptError when history turns out to be damaged. */
  onFailure?: (error: Error) => void;
}

/** Replaced values kept in memory for watches and lists of the recent past; what is older is read from disk. */
const HISTORY_BYTES = 16 << 20;
/** Revisions read at a time while history is checked. */
const STEP = 500;

export class LevelStore extends RevisionStore {
  readonly #journal: LevelJournal;
  readonly #closing = new AbortController();
  #checked: Promise<void> = Promise.resolve();

  private constructor(journal: LevelJournal, origin: Origin, options: RevisionStoreOptions) {
    super(journal, origin, options);
    this.#journal = journal;
  }

  /**
   * Opens the store in `directory`, creating both when absent. Throws StoreLockedError, StoreCorruptError or
   * StoreUnusableError. Current values are all read before it resolves; history is checked from then on, in small steps, so
   * that damage is told of now and not when a client asks for what is lost.
   */
  static async open(directory: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
    const { journal, origin } = await LevelJournal.open(directory);
    const store = new LevelStore(journal, origin, { historyBytes: HISTORY_BYTES, ...options });
    store.#checked = store.#checkHistory(origin.revision).catch((error: Error) => options.onFailure?.(error));
    return store;
  }

  override async close(): Promise<void> {
    this.#closing.abort();
    await this.#checked;
    await super.close();
  }

  /** Throws StoreCorruptError. */
  async #checkHistory(upTo: number): Promise<void> {
    let reached = this.compactedRevision;
    while (reached < upTo && !this.#closing.signal.aborted) {
      const next = Math.min(reached + STEP, upTo);
      try {
        await this.#journal.read(reached, next);
        reached = next;
      } catch (error) {
        if (this.compactedRevision <= reached) throw error;
        reached = this.compactedRevision; // what was asked for has been dropped meanwhile
      }
    }
  }

  /**
   * Makes a store in `directory`, which must be empty or absent, of a snapshot. `revision` is where it goes on: the
   * snapshot's, or a later one when clients may have seen more than it holds. Throws StoreUnusableError; then there is none.
   */
  static async restore(directory: string, { entries }: Snapshot, revision: number): Promise<void> {
    const unfinished = `${directory}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(dirname(directory), { recursive: true });
    const { journal } = await LevelJournal.open(unfinished);
    try {
      await journal.adopt(revision, entries);
    } finally {
      await journal.close();
    }
    await rmdir(directory).catch(ignoreAbsence);
    await rename(unfinished, directory);
  }
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
