// New Services with a selector, which wait a moment for their first slice. The slice follows at once where a controller runs; without the
// wait every node would write "no endpoints: reject" first, and the rules that are meant right after it, at twice the work.
import type { Clock } from '../host/clock.ts';

/** ms. Nothing else ever waits, and without a slice a Service is refused as upstream has it, only this much later. */
const FIRST_SLICE_MS = 100;

export class Newcomers {
  readonly #slices: { has(key: string): boolean };
  readonly #clock: Clock;
  /** Service (`namespace/name`) → until when it waits, ms since the epoch; in the order of these times. */
  readonly #waiting = new Map<string, number>();

  /** `slices` knows which Services have one. */
  constructor(slices: { has(key: string): boolean }, clock: Clock) {
    this.#slices = slices;
    this.#clock = clock;
  }

  /** Returns whether the new Service has to wait. */
  keep(key: string): boolean {
    if (this.#slices.has(key)) return false;
    this.#waiting.delete(key);
    this.#waiting.set(key, this.#clock.now() + FIRST_SLICE_MS);
    return true;
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** When the one that came first has waited long enough, ms since the epoch. */
  get nextAt(): number {
    return this.#waiting.values().next().value ?? Number.POSITIVE_INFINITY;
  }

  /** Lets those go that have their slice, or have waited long enough. */
  dismiss(): void {
    const now = this.#clock.now();
    for (const [key, until] of this.#waiting) {
      if (now >= until || this.#slices.has(key)) this.#waiting.delete(key);
    }
  }
}
