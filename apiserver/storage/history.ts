// The newest changes, in memory and in order. What lies before `floor` is either compacted or only in the journal.
import { partition } from './key-index.ts';
import type { Change, Entry } from './store.ts';

/** Fewer forgotten changes than this are not worth moving the rest of the array. */
const SLACK = 1024;

export function keyOfChange(change: Change): string {
  return change.type === 'put' ? change.entry.key : change.key;
}

/** What the key holds after the change. */
export function entryAfter(change: Change): Entry | undefined {
  return change.type === 'put' ? change.entry : undefined;
}

export class History {
  #floor: number;
  #limit: number;
  /** Sorted by revision; those before index `#head` are forgotten. */
  #changes: (Change | undefined)[] = [];
  #head = 0;
  /** Bytes of values that only history still holds. */
  #bytes = 0;

  /** `limit`: bytes of replaced values kept before the oldest half of the changes is dropped from memory. */
  constructor(floor: number, limit: number) {
    this.#floor = floor;
    this.#limit = limit;
  }

  /** Every change after this revision is here. */
  get floor(): number {
    return this.#floor;
  }

  append(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#bytes += change.previous?.value.length ?? 0;
    }
    if (this.#bytes > this.#limit) this.forget(this.#changes[(this.#head + this.#changes.length) >> 1]!.revision);
  }

  /** Changes with a revision after `revision`, which must not lie before `floor`. */
  after(revision: number): Change[] {
    const live = this.#changes.length - this.#head;
    const start = this.#head + partition(live, (i) => this.#changes[this.#head + i]!.revision <= revision);
    return this.#changes.slice(start) as Change[];
  }

  /** Drops the changes up to and including `revision`. */
  forget(revision: number): void {
    if (revision <= this.#floor) return;
    this.#floor = revision;
    while (this.#head < this.#changes.length && this.#changes[this.#head]!.revision <= revision) {
      this.#bytes -= this.#changes[this.#head]!.previous?.value.length ?? 0;
      this.#changes[this.#head] = undefined;
      this.#head += 1;
    }
    if (this.#head < SLACK || this.#head < this.#changes.length / 2) return;
    this.#changes = this.#changes.slice(this.#head);
    this.#head = 0;
  }
}
