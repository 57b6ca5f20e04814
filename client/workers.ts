// The loop that empties a work queue: N workers, each key in one hand at a time, failures tried again later.
import type { WorkQueue } from './workqueue.ts';

export interface WorkersOptions {
  readonly queue: WorkQueue;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** Brings the world in line with what `key` wants, from state alone. What it throws has the key tried again. */
  reconcile(key: string): Promise<void>;
  /** Hears of every failure, before the retry is planned. */
  onError(key: string, error: unknown): void;
}

/** Runs until `signal` aborts and the keys in hand are done. */
export async function runWorkers(options: WorkersOptions, signal: AbortSignal): Promise<void> {
  const stop = (): void => options.queue.shutDown();
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: options.concurrency }, () => work(options, signal)));
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function work({ queue, reconcile, onError }: WorkersOptions, signal: AbortSignal): Promise<void> {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    try {
      await reconcile(key);
      queue.forget(key);
    } catch (error) {
      if (!signal.aborted) onError(key, error);
      queue.addRateLimited(key);
    } finally {
      queue.done(key);
    }
  }
}
