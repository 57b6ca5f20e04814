// Growing waits between attempts: doubled each time, with jitter so that clients of a restarted server don't come in step.

export interface BackoffOptions {
  /** ms of the first wait. */
  readonly baseMs: number;
  /** ms that no wait exceeds. */
  readonly capMs: number;
  /** 0…1: how much of each wait is random. */
  readonly jitter?: number;
  readonly random?: () => number;
}

export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = { jitter: 0.5, random: Math.random, ...options };
  }

  /** ms to wait before the next attempt. */
  next(): number {
    const { baseMs, capMs, jitter, random } = this.#options;
    const full = Math.min(baseMs * 2 ** this.#attempts, capMs);
    this.#attempts += 1;
    return full * (1 - jitter * random());
  }

  reset(): void {
    this.#attempts = 0;
  }
}
