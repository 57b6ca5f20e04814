// Commits on disk: one LevelDB batch, synced, per group of commits. Holds the current entry of every key, and for each
// change what it replaced.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type ChainedBatch, ClassicLevel } from 'classic-level';
import { DurableMark } from './durable-mark.ts';
import { keyOfChange } from './history.ts';
import {
  ChecksumError,
  CURRENT,
  currentKey,
  decodeEntry,
  decodeNumbers,
  decodeUndo,
  encodeEntry,
  encodeNumbers,
  encodeUndo,
  HISTORY,
  historyKey,
  SUM_LIMIT,
} from './record.ts';
import type { Commit, Journal, Origin, Undo } from './revisions.ts';
import { type Change, type Entry, StoreCorruptError, StoreLockedError, StoreUnusableError } from './store.ts';

type Database = ClassicLevel<Buffer, Buffer>;
type Batch = ChainedBatch<Database, Buffer, Buffer>;

const FORMAT = 1;
/** Format, revision, number of keys, sum of modRevisions modulo SUM_LIMIT: written with every batch. */
const SUMMARY = Buffer.from('!summary');
/** The compacted revision. */
const COMPACTED = Buffer.from('!compacted');
/** Records per step when reading, revisions per step when forgetting: small enough never to hold up a writer. */
const STEP = 1000;

export class LevelJournal implements Journal {
  readonly #directory: string;
  readonly #db: Database;
  readonly #mark: DurableMark;
  #count = 0;
  #sum = 0;
  /** History up to here has been dropped; undefined until looked up. */
  #forgotten: number | undefined;

  private constructor(directory: string, db: Database, mark: DurableMark) {
    this.#directory = directory;
    this.#db = db;
    this.#mark = mark;
  }

  /**
   * Creates the directory when it does not exist. Throws StoreLockedError, StoreCorruptError when something is missing
   * or not as it was written, StoreUnusableError when the file system refuses.
   */
  static async open(directory: string): Promise<{ journal: LevelJournal; origin: Origin }> {
    try {
      await mkdir(directory, { recursive: true });
      const exists = existsSync(join(directory, 'CURRENT'));
      const durable = DurableMark.read(directory);
      if (exists && durable === undefined) throw new StoreCorruptError(directory, 'its durable-revision is missing');
      if (!exists && durable) throw new StoreCorruptError(directory, `nothing is left of its ${durable} revisions`);
      const mark = DurableMark.open(directory); // before the database, so that there is none without a mark
      const db: Database = new ClassicLevel(directory, {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
        createIfMissing: !exists,
      });
      const journal = new LevelJournal(directory, db, mark);
      try {
        await db.open();
        return { journal, origin: await journal.#load(durable ?? 0) };
      } catch (error) {
        await journal.close();
        throw error;
      }
    } catch (error) {
      throw explain(directory, error as Error);
    }
  }

  /** Reads the current state, and checks that it is whole: `durable` is a revision known to have been reached. */
  async #load(durable: number): Promise<Origin> {
    const summary = await this.#db.get(SUMMARY);
    const [format, revision, count, sum] = summary ? decodeNumbers(SUMMARY, summary, 4) : [FORMAT, 0, 0, 0];
    if (format !== FORMAT) throw new StoreCorruptError(this.#directory, `its format is ${format}, not ${FORMAT}`);
    if (revision < durable)
      throw new StoreCorruptError(this.#directory, `revisions after ${revision} of ${durable} are lost`);
    const compacted = await this.#db.get(COMPACTED);
    const [compactedRevision] = compacted ? decodeNumbers(COMPACTED, compacted, 1) : [0];
    const entries: Entry[] = [];
    for await (const page of this.#pages(Buffer.from(CURRENT), after(CURRENT))) {
      for (const [key, record] of page) entries.push(decodeEntry(key, record));
    }
    for (const entry of entries) this.#tally(1, entry.modRevision);
    if (count !== this.#count || sum !== this.#sum)
      throw new StoreCorruptError(this.#directory, `${count} keys were written, ${this.#count} are there`);
    return { revision, compactedRevision, entries };
  }

  /** Takes over another store's state, into an empty journal. History begins at `revision`, which no entry may lie behind. */
  async adopt(revision: number, entries: readonly Entry[]): Promise<void> {
    for (let from = 0; from < entries.length; from += STEP) {
      const batch = this.#db.batch();
      for (const entry of entries.slice(from, from + STEP)) {
        this.#tally(1, entry.modRevision);
        const key = currentKey(entry.key);
        batch.put(key, encodeEntry(key, entry));
      }
      await batch.write();
    }
    const batch = this.#db.batch();
    batch.put(COMPACTED, encodeNumbers(COMPACTED, [revision]));
    batch.put(SUMMARY, encodeNumbers(SUMMARY, [FORMAT, revision, this.#count, this.#sum]));
    await batch.write({ sync: true }); // and with it everything before, which is in the same log
    this.#mark.write(revision);
  }

  /** Commits called in the same turn of the event loop share a batch. */
  gather(): Promise<void> {
    return setImmediate();
  }

  async write(commits: readonly Commit[]): Promise<void> {
    const batch = this.#db.batch(); // a chained one costs a quarter of an array of operations
    for (const { revision, changes } of commits) {
      for (const [position, change] of changes.entries()) this.#encode(batch, change, historyKey(revision, position));
    }
    const { revision } = commits[commits.length - 1];
    batch.put(SUMMARY, encodeNumbers(SUMMARY, [FORMAT, revision, this.#count, this.#sum]));
    await batch.write({ sync: true });
    this.#mark.write(revision);
  }

  #encode(batch: Batch, change: Change, at: Buffer): void {
    const { type, previous } = change;
    const name = keyOfChange(change);
    const key = currentKey(name);
    if (previous) this.#tally(-1, -previous.modRevision);
    if (type === 'put') {
      this.#tally(1, change.revision);
      batch.put(key, encodeEntry(key, change.entry));
    } else batch.del(key);
    batch.put(at, encodeUndo(at, { type, key: name, previous }));
  }

  #tally(keys: number, revisions: number): void {
    this.#count += keys;
    this.#sum = (this.#sum + revisions + SUM_LIMIT) % SUM_LIMIT;
  }

  async read(after: number, upTo: number): Promise<Undo[]> {
    const records: Undo[] = [];
    try {
      for await (const page of this.#pages(historyKey(after + 1), historyKey(upTo + 1))) {
        for (const [key, record] of page) records.push(decodeUndo(key, record));
      }
    } catch (error) {
      throw explain(this.#directory, error as Error);
    }
    let reached = after;
    for (const { revision } of records) if (revision === reached + 1) reached = revision;
    if (reached < upTo) throw new StoreCorruptError(this.#directory, `the history of revision ${reached + 1} is lost`);
    return records;
  }

  /** Step by step, each a small unsynced write of LevelDB's own thread, so that no commit waits for more than one step. */
  async forget(revision: number): Promise<void> {
    const value = encodeNumbers(COMPACTED, [revision]);
    await this.#db.put(COMPACTED, value, { sync: true }); // first, so that nobody is promised what is being dropped
    this.#forgotten ??= await this.#oldest();
    while (this.#forgotten < revision) {
      const upTo = Math.min(this.#forgotten + STEP, revision);
      await this.#db.clear({ gt: historyKey(this.#forgotten), lt: historyKey(upTo + 1) });
      this.#forgotten = upTo;
    }
  }

  /** The revision before the first that history still holds. */
  async #oldest(): Promise<number> {
    const [first] = await this.#db.iterator({ gte: Buffer.from(HISTORY), lt: after(HISTORY), limit: 1 }).all();
    return first ? decodeUndo(...first).revision - 1 : 0;
  }

  async *#pages(from: Buffer, to: Buffer): AsyncGenerator<Array<[key: Buffer, record: Buffer]>> {
    const iterator = this.#db.iterator({ gte: from, lt: to, highWaterMarkBytes: 1 << 20 });
    try {
      for (let page = await iterator.nextv(STEP); page.length > 0; page = await iterator.nextv(STEP)) yield page;
    } finally {
      await iterator.close();
    }
  }

  async close(): Promise<void> {
    await this.#db.close();
    this.#mark.close();
  }
}

/** The first key behind all that begin with `letter`. */
function after(letter: string): Buffer {
  return Buffer.from(String.fromCharCode(letter.charCodeAt(0) + 1));
}

/** Says in the store's own words what LevelDB or the file system said. */
function explain(directory: string, error: Error & { code?: string }): Error {
  if (error.code === 'LEVEL_DATABASE_NOT_OPEN' && error.cause) return explain(directory, error.cause as Error);
  if (error.code === 'LEVEL_LOCKED') return new StoreLockedError(directory);
  // LevelDB reads tables through a memory map, and says `Invalid argument` of one that ends too early.
  const short = error.code === 'LEVEL_IO_ERROR' && error.message.endsWith('.ldb: Invalid argument');
  if (error.code === 'LEVEL_CORRUPTION' || error instanceof ChecksumError || short)
    return new StoreCorruptError(directory, error.message);
  if (error instanceof StoreCorruptError) return error;
  return new StoreUnusableError(directory, error);
}
