// The sorted index of the keys that exist: short sorted runs, so that an insert moves at most one run's worth of keys
// and a count adds up run lengths instead of visiting keys. 100,000 keys make about 400 runs.

/** A run is split in two when it grows past this many keys. */
const RUN_LIMIT = 512;

export class KeyIndex {
  /** Non-empty sorted runs, every key of one before every key of the next. */
  #runs: string[][] = [];

  /** Adds a key that is not in the index yet. Keys added in order (as a store loads them) only append. */
  add(key: string): void {
    if (this.#runs.length === 0) {
      this.#runs.push([key]);
      return;
    }
    const at = Math.max(0, partition(this.#runs.length, (i) => this.#runs[i][0] <= key) - 1);
    const run = this.#runs[at];
    if (run[run.length - 1] < key) run.push(key);
    else
      run.splice(
        partition(run.length, (i) => run[i] < key),
        0,
        key,
      );
    if (run.length > RUN_LIMIT) this.#split(at);
  }

  /** Removes a key that is in the index. */
  remove(key: string): void {
    const at = partition(this.#runs.length, (i) => this.#runs[i][0] <= key) - 1;
    const run = this.#runs[at] ?? [];
    const offset = partition(run.length, (i) => run[i] < key);
    if (run[offset] !== key) throw new Error(`not in the index: ${key}`);
    if (run.length === 1) this.#runs.splice(at, 1);
    else run.splice(offset, 1);
  }

  /** At most `limit` keys that start with `prefix` and are not before `from`, in order. */
  list(prefix: string, from: string, limit: number): string[] {
    const keys: string[] = [];
    let [at, offset] = this.#position((key) => key < prefix || key < from);
    for (; at < this.#runs.length; at += 1, offset = 0) {
      const run = this.#runs[at];
      for (; offset < run.length; offset += 1) {
        if (keys.length >= limit || !run[offset].startsWith(prefix)) return keys;
        keys.push(run[offset]);
      }
    }
    return keys;
  }

  /** How many keys start with `prefix` and are not before `from`. */
  count(prefix: string, from: string): number {
    const [firstRun, firstOffset] = this.#position((key) => key < prefix || key < from);
    const [lastRun, lastOffset] = this.#position((key) => key < prefix || key < from || key.startsWith(prefix));
    let count = lastOffset - firstOffset;
    for (let at = firstRun; at < lastRun; at += 1) count += this.#runs[at].length;
    return count;
  }

  /** Where the first key stands that is not `before`; `before` must hold for a beginning of the order and for nothing else. */
  #position(before: (key: string) => boolean): [run: number, offset: number] {
    const at = partition(this.#runs.length, (i) => before(this.#runs[i][this.#runs[i].length - 1]));
    if (at === this.#runs.length) return [at, 0];
    const run = this.#runs[at];
    return [at, partition(run.length, (i) => before(run[i]))];
  }

  #split(at: number): void {
    const run = this.#runs[at];
    // A run that grows at its end (keys arrive in order) keeps most of itself, so that loading leaves full runs behind.
    const last = at === this.#runs.length - 1;
    this.#runs.splice(at + 1, 0, run.splice(last ? Math.floor((run.length * 7) / 8) : run.length >> 1));
  }
}

/** The number of leading indices below `length` for which `holds`; `holds` must be true for a beginning only. */
export function partition(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
