// When the change happened that a slice now shows: `endpoints.kubernetes.io/last-change-trigger-time`, by which the
// latency of the network can be told (upstream pkg/controller/util/endpoint/trigger_time_tracker.go).
import type { Pod, Service } from '../api/types/core.v1.ts';
import { isPodReady, podCondition } from './pods.ts';

export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

interface Trigger {
  readonly time: string;
  /** Times count whole seconds: two changes within one are told apart by what they changed to. */
  readonly ready: boolean;
}

export class TriggerTimes {
  /** Service key → pod name ('' for the Service itself) → what was seen last. */
  readonly #seen = new Map<string, Map<string, Trigger>>();

  /**
   * The earliest time among what changed since the last call for this Service; undefined when nothing told a time.
   * `key` is the Service's.
   */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.#seen.get(key);
    const now = new Map<string, Trigger>();
    const created = service.metadata.creationTimestamp;
    if (created) now.set('', { time: created, ready: true });
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime ?? pod.metadata.creationTimestamp;
      if (time) now.set(pod.metadata.name, { time, ready: isPodReady(pod) });
    }
    this.#seen.set(key, now);
    let earliest: string | undefined;
    for (const [name, { time, ready }] of now) {
      const old = before?.get(name);
      if (old?.time === time && old.ready === ready) continue;
      if (earliest === undefined || time < earliest) earliest = time;
    }
    return earliest;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}
