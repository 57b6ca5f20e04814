// Events about objects, as `kubectl describe` shows them. Best effort: never waited for, never in the way of the work,
// bounded; what is said again counts up instead of filling the store (client-go tools/record/events_cache.go).
import { apiVersionOf, type KubeObject } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Event } from '../api/types/core.v1.ts';
import { type Clock, rfc3339, systemClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import type { Client, Resource } from './client.ts';
import { events } from './resources.ts';

export interface RecorderOptions {
  readonly client: Client;
  /** Who says it: `deployment-controller`, `default-scheduler`, `kubelet`. */
  readonly component: string;
  /** The node it is said on, where that means something. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export interface Occurrence<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly object: T;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, for machines: `FailedScheduling`. */
  readonly reason: string;
  readonly message: string;
  /** The part of the object that is meant: `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** Events waiting to be written; further ones are dropped. */
const QUEUE_LIMIT = 1000;
/** Remembered events, for counting up; the longest unseen are forgotten first. */
const MEMORY_LIMIT = 4096;
/** Per object: this many events at once, then one per REFILL_MS. */
const BURST = 25;
const REFILL_MS = 300_000;
/** This many events within SIMILAR_MS that differ only in their message become one. */
const SIMILAR = 10;
const SIMILAR_MS = 600_000;
const COMBINED = '(combined from similar events): ';

export class EventRecorder {
  readonly #options: Required<Omit<RecorderOptions, 'host'>> & { host?: string };
  readonly #known = new Map<string, Event>();
  readonly #similar = new Map<string, { messages: Set<string>; since: number }>();
  readonly #budgets = new Map<string, { tokens: number; at: number }>();
  #queued = 0;
  /** Writes one after the other, so that a count never overtakes its event. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: RecorderOptions) {
    this.#options = { clock: systemClock, log: silentLogger, ...options };
  }

  record<T extends KubeObject>(occurrence: Occurrence<T>): void {
    if (this.#queued >= QUEUE_LIMIT || !this.#spend(`${occurrence.object.metadata.uid}`)) return;
    this.#queued += 1;
    this.#last = this.#last
      .then(() => this.#write(occurrence as Occurrence<KubeObject>))
      .catch((error: Error) => this.#options.log.debug({ error: error.message }, 'event not written'))
      .finally(() => {
        this.#queued -= 1;
      });
  }

  /** Resolves when everything recorded so far has been written or given up. */
  flushed(): Promise<void> {
    return this.#last;
  }

  async #write(occurrence: Occurrence<KubeObject>): Promise<void> {
    const { client, clock } = this.#options;
    const { key, message } = this.#identify(occurrence);
    const now = rfc3339(clock.now());
    const known = this.#known.get(key);
    if (known) {
      const count = (known.count ?? 1) + 1;
      const at = { name: known.metadata.name, namespace: known.metadata.namespace };
      try {
        this.#remember(key, await client.patch(events, at, { count, message, lastTimestamp: now }));
        return;
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error; // expired on the server: said anew
      }
    }
    this.#remember(key, await client.create(events, this.#event(occurrence, message, now)));
  }

  #event({ resource, object, type, reason, fieldPath }: Occurrence<KubeObject>, message: string, now: string): Event {
    const { component, host, clock } = this.#options;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const apiVersion = apiVersionOf(resource.group, resource.version);
    const suffix = (BigInt(clock.now()) * 1_000_000n + BigInt(Math.floor(Math.random() * 1e6))).toString(16);
    return {
      metadata: { name: `${name}.${suffix}`, namespace: namespace ?? 'default' },
      involvedObject: { kind: resource.kind, namespace, name, uid, apiVersion, resourceVersion, fieldPath },
      reason,
      message,
      source: { component, host },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  #identify({ object, type, reason, message, fieldPath = '' }: Occurrence<KubeObject>): {
    key: string;
    message: string;
  } {
    const about = `${object.metadata.uid}\n${object.metadata.name}\n${fieldPath}\n${type}\n${reason}`;
    const now = this.#options.clock.now();
    let similar = this.#similar.get(about);
    if (!similar || now - similar.since > SIMILAR_MS) similar = { messages: new Set(), since: now };
    this.#similar.delete(about);
    this.#similar.set(about, similar);
    forgetOldest(this.#similar);
    if (similar.messages.size <= SIMILAR) similar.messages.add(message);
    if (similar.messages.size > SIMILAR) return { key: about, message: COMBINED + message };
    return { key: `${about}\n${message}`, message };
  }

  #remember(key: string, event: Event): void {
    this.#known.delete(key);
    this.#known.set(key, event);
    forgetOldest(this.#known);
  }

  #spend(uid: string): boolean {
    const now = this.#options.clock.now();
    const budget = this.#budgets.get(uid) ?? { tokens: BURST, at: now };
    const tokens = Math.min(BURST, budget.tokens + (now - budget.at) / REFILL_MS);
    this.#budgets.delete(uid);
    this.#budgets.set(uid, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    forgetOldest(this.#budgets);
    return tokens >= 1;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  if (map.size > MEMORY_LIMIT) map.delete(map.keys().next().value!);
}
