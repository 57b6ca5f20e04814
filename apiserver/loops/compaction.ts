// Forgets old history at intervals, so that the store does not grow for ever: watches and pages of before then get 410.
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Store } from '../storage/store.ts';

export interface CompactionOptions {
  /** ms between compactions, which is also the least time that history is kept; 0: never. */
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Where the loop writes down that it was here: no object's key, for those have a slash. */
const MARK = 'compaction';

/**
 * Ends when `signal` aborts. Each round takes a revision of its own, as upstream's does, so that whatever was read before it is older
 * than what the next round keeps: a token of a page runs out also where nobody writes.
 */
export async function compactLoop(store: Store, options: CompactionOptions): Promise<void> {
  const { intervalMs, clock, log, signal } = options;
  if (intervalMs <= 0) return;
  let marked = 0;
  while (await slept(clock, intervalMs, signal)) {
    const upTo = marked;
    try {
      marked = await store.commit([{ key: MARK, value: EMPTY }]);
      if (upTo > store.compactedRevision) await store.compact(upTo);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'compaction failed; tried again at the next interval');
    }
  }
}

const EMPTY = Buffer.alloc(0);

/** False when the signal ended the sleep. */
export async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
