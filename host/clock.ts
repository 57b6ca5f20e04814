// Time, as something tests can replace.

export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};

/** The second last written, and how: a server writes the present one thousands of times. */
let written = { second: Number.NaN, text: '' };

/** RFC 3339 with whole seconds, as metav1.Time is written. `ms` since the epoch. */
export function rfc3339(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== written.second) written = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return written.text;
}

/** RFC 3339 with microseconds, as metav1.MicroTime is written. `ms` since the epoch. */
export function rfc3339Micro(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
