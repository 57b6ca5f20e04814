// Events live for an hour (--event-ttl): older ones are deleted, as etcd's leases do upstream.
import type { Logger } from '../../host/log.ts';
import type { Registry } from '../registry/registry.ts';
import { PreconditionError } from '../storage/store.ts';
import { slept } from './compaction.ts';

export interface EventExpiryOptions {
  /** ms; 0: events live for ever. */
  readonly ttlMs: number;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const SWEEP_MS = 60_000;

/** Ends when `signal` aborts. */
export async function expireEventsLoop(registry: Registry, options: EventExpiryOptions): Promise<void> {
  const { ttlMs, log, signal } = options;
  if (ttlMs <= 0) return;
  while (await slept(registry.clock, Math.min(SWEEP_MS, ttlMs), signal)) {
    try {
      await expireEvents(registry, ttlMs);
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error }, 'deleting expired events failed; tried again at the next sweep');
    }
  }
}

/** Deletes every event nobody touched for `ttlMs`. Exported for its test. */
export async function expireEvents({ store, clock }: Pick<Registry, 'store' | 'clock'>, ttlMs: number): Promise<void> {
  const { entries } = await store.list('/events/');
  for (const { key, value, modRevision } of entries) {
    if (lastSeen(JSON.parse(value.toString())) > clock.now() - ttlMs) continue;
    try {
      await store.commit([{ key, expect: modRevision }]);
    } catch (error) {
      // It was seen again in the meantime, or somebody deleted it: either way it is not ours to delete now.
      if (!(error instanceof PreconditionError)) throw error;
    }
  }
}

interface StoredEvent {
  metadata: { creationTimestamp: string };
  lastTimestamp?: string;
  eventTime?: string;
  series?: { lastObservedTime?: string };
}

function lastSeen({ metadata, lastTimestamp, eventTime, series }: StoredEvent): number {
  const times = [metadata.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime];
  return Math.max(...times.map((time) => (time ? Date.parse(time) : 0)));
}
