// How a program ends: SIGTERM and SIGINT abort one signal that every loop of the program listens to.

/**
 * Aborts on the first SIGTERM or SIGINT. Whoever started a loop with this signal awaits it, so that the program ends when
 * all its loops have; a second signal ends it at once.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let asked = 0;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      asked += 1;
      if (asked > 1) process.exit(130);
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** A mistake of whoever started the program: printed without a stack, exit code 2 (usage) or as given. */
export class UsageError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 2) {
    super(message);
    this.name = 'UsageError';
    this.exitCode = exitCode;
  }
}
