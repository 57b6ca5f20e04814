// The newest durable revision, in a file of its own beside the database. LevelDB cannot tell a log that lost its tail
// from one that was never longer, nor a directory that lost its database from a new one; the mark can.
import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { StoreCorruptError } from './store.ts';

const NAME = 'durable-revision';
/** Digits; the file never changes its length, so that overwriting it needs no sync to be readable. */
const WIDTH = 16;

export class DurableMark {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** The mark of `directory`, undefined when there is none. Throws StoreCorruptError. */
  static read(directory: string): number | undefined {
    let text: string;
    try {
      text = readFileSync(join(directory, NAME), 'latin1');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    if (!/^\d{16}\n$/.test(text)) throw new StoreCorruptError(directory, `${NAME} does not hold a revision`);
    return Number(text);
  }

  /** Opens the mark of `directory` for writing; a new one stands at 0, and is on disk before this returns. */
  static open(directory: string): DurableMark {
    const path = join(directory, NAME);
    if (DurableMark.read(directory) !== undefined) return new DurableMark(openSync(path, constants.O_RDWR));
    const mark = new DurableMark(openSync(path, constants.O_RDWR | constants.O_CREAT));
    mark.write(0);
    fsyncSync(mark.#file);
    const folder = openSync(directory, constants.O_RDONLY);
    fsyncSync(folder);
    closeSync(folder);
    return mark;
  }

  /**
   * Not synced: after a power failure the mark may be older than the database, never newer, which is all that is asked
   * of it. Costs a few microseconds.
   */
  write(revision: number): void {
    writeSync(this.#file, `${String(revision).padStart(WIDTH, '0')}\n`, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}
