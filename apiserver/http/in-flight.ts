// How many requests are served at a time. What is more is refused at once and asked to come back, so that the rest is answered
// before its client gives up: a queue without an end answers nobody. Watches and what is passed on to nodes do not count.
import { StatusError } from '../../api/status.ts';

export interface Limits {
  /** Of requests that read; 0: no limit. */
  readonly reading: number;
  /** Of requests that write; 0: no limit. */
  readonly mutating: number;
}

/**
 * Upstream serves 400 and 200 at a time and lets some thousands wait in its queues. Here those that are served are those that
 * wait, for their turn and for the disk: several thousand writes are about a second's work.
 */
export const DEFAULT_LIMITS: Limits = { reading: 3000, mutating: 3000 };

const RETRY_AFTER_SECONDS = 1;
const READING: ReadonlySet<string> = new Set(['get', 'list']);

export class InFlight {
  readonly #limits: Limits;
  readonly #served = { reading: 0, mutating: 0 };

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Does `work`, which serves a request with this verb. Throws 429 without beginning it. */
  async serve<T>(verb: string, work: () => Promise<T>): Promise<T> {
    if (verb === 'watch') return work();
    const served = this.#served;
    const which = READING.has(verb) ? 'reading' : 'mutating';
    const limit = this.#limits[which];
    if (limit > 0 && served[which] >= limit)
      throw StatusError.tooManyRequests('Too many requests, please try again later.', RETRY_AFTER_SECONDS);
    served[which] += 1;
    try {
      return await work();
    } finally {
      served[which] -= 1;
    }
  }
}
