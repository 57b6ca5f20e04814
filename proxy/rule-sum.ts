// A sum over rules and map elements: what should be in the kernel and what a listing says are the same when their sums are, and neither
// needs a copy of the other. The order of what is added does not matter; whoever cares for it adds the place to the text.

/** Twice 32 bits: enough against accidents. Nobody can choose what is summed: names are hashed, comments are those of the plan. */
export class RuleSum {
  #low = 0;
  #high = 0;

  add(text: string): void {
    const [low, high] = hash(text);
    this.#low = (this.#low + low) >>> 0;
    this.#high = (this.#high + high) >>> 0;
  }

  /** What was added before. */
  remove(text: string): void {
    const [low, high] = hash(text);
    this.#low = (this.#low - low) >>> 0;
    this.#high = (this.#high - high) >>> 0;
  }

  get value(): string {
    return `${this.#high.toString(16)}-${this.#low.toString(16)}`;
  }
}

/**
 * Whether what a listing says is what was written before it or, of what was written meanwhile, at any moment. `expected`: the sums of all
 * those. Undefined when it is none and something was written meanwhile: a listing that the kernel gives in several pieces may have one
 * from before and one from after.
 */
export function isOneOf(expected: ReadonlySet<string>, found: string | undefined): boolean | undefined {
  if (found !== undefined && expected.has(found)) return true;
  return expected.size === 1 ? false : undefined;
}

/** Two multiplicative hashes, each mixed as MurmurHash3 does at its end (fmix32). */
function hash(text: string): [number, number] {
  let [low, high] = [0x9747b28c, 0x1b873593];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
    high ^= high >>> 15;
  }
  return [mix(low), mix(high)];
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
