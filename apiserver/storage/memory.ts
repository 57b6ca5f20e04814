// A store that lives as long as its process: for tests, and for `--data-dir memory`.
import { type Journal, RevisionStore } from './revisions.ts';

/** Nothing is durable; history is all in memory until compacted. */
const nowhere: Journal = {
  gather: () => Promise.resolve(),
  write: () => Promise.resolve(),
  read: () => Promise.resolve([]),
  forget: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export class MemoryStore extends RevisionStore {
  constructor() {
    const nothing = { revision: 0, compactedRevision: 0, entries: [] };
    super(nowhere, nothing, { historyBytes: Number.POSITIVE_INFINITY });
  }
}
