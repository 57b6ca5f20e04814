// A bell that a loop sleeps beside: rung once or many times while it works, it wakes the loop once.

export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when rung since the last call, when `signal` aborts, or after `timeoutMs`. One loop per bell. */
  async rung(signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (!this.#isRung && !signal.aborted) await this.#sleep(signal, timeoutMs);
    this.#isRung = false;
  }

  #sleep(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
