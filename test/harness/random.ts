// Chance that can be had again: the same seed, the same choices (mulberry32).

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ number < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, 0 ≤ number < `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Each of them with equal chance, in their order. */
  some<T>(choices: readonly T[]): T[] {
    return choices.filter(() => this.isOneIn(2));
  }

  isOneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A generator of its own, so that what runs beside others chooses the same whatever they do. */
  fork(): Random {
    return new Random(this.below(2 ** 32));
  }
}
