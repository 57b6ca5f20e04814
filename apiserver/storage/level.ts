// The store on disk, embedded: LevelDB makes commits durable, memory answers reads.
import { LevelJournal } from './level-journal.ts';
import { RevisionStore, type RevisionStoreOptions } from './revisions.ts';

export interface LevelStoreOptions extends Partial<RevisionStoreOptions> {}

/** Replaced values kept in memory for watches and lists of the recent past; what is older is read from disk. */
const HISTORY_BYTES = 16 << 20;

export class LevelStore extends RevisionStore {
  /**
   * Opens the store in `directory`, creating both when absent. Throws StoreLockedError, StoreCorruptError or
   * StoreUnusableError.
   */
  static async open(directory: string, options: LevelStoreOptions = {}): Promise<LevelStore> {
    const { journal, origin } = await LevelJournal.open(directory);
    return new LevelStore(journal, origin, { historyBytes: HISTORY_BYTES, ...options });
  }
}
