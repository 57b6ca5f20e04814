// Writes one pod's status to the API server: at once, one write at a time, the newest wins, nothing written twice.
import { isDeepStrictEqual } from 'node:util';
import { isReason } from '../../api/status.ts';
import type { Pod, PodStatus } from '../../api/types/core.v1.ts';
import { Backoff } from '../../client/backoff.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';

/** ms between attempts while the server cannot be reached or refuses. */
const RETRY = { baseMs: 100, capMs: 5000 };

export class StatusWriter {
  readonly #client: Client;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #at: { name: string; namespace?: string };
  readonly #uid: string | undefined;
  #written: PodStatus | undefined;
  /** resourceVersion of our last write. */
  #version = 0;
  #wanted: PodStatus | undefined;
  #writing: Promise<void> | undefined;

  constructor(pod: Pod, options: { client: Client; log: Logger; clock?: Clock; signal: AbortSignal }) {
    this.#client = options.client;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#signal = options.signal;
    this.#at = { name: pod.metadata.name, namespace: pod.metadata.namespace };
    this.#uid = pod.metadata.uid;
  }

  /** The status last asked for: what transition times are carried over from. */
  get latest(): PodStatus | undefined {
    return this.#wanted ?? this.#written;
  }

  publish(status: PodStatus): void {
    if (isDeepStrictEqual(status, this.latest)) return;
    this.#wanted = status;
    this.#begin();
  }

  #begin(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** What the server holds: when someone else has changed what is ours (a Ready of a node given up), it is written again. */
  observe(pod: Pod): void {
    if (this.#writing || !this.#written || Number(pod.metadata.resourceVersion) < this.#version) return;
    if (holds(pod.status, this.#written)) return;
    this.#wanted = this.#written;
    this.#begin();
  }

  /** Resolves when what was published last is written, or given up because the pod is gone. */
  async flushed(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    const retry = new Backoff(RETRY);
    while (this.#wanted && !this.#signal.aborted) {
      const status = this.#wanted;
      try {
        const patch = { metadata: { uid: this.#uid }, status: this.#asPatch(status) };
        const answer = await this.#client.patch(pods, this.#at, patch, { type: 'strategic', subresource: 'status' });
        this.#version = Number(answer.metadata.resourceVersion);
      } catch (error) {
        // Conflict: the name belongs to another pod by now. Either way nobody waits for this status any more.
        if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) {
          this.#log.warn({ err: error, pod: this.#at }, 'pod status not written, trying again');
          await this.#clock.sleep(retry.next(), this.#signal).catch(() => {});
          continue;
        }
      }
      this.#written = status;
      if (this.#wanted === status) this.#wanted = undefined;
    }
  }

  /** In a merge patch an absent field stays as it is, so that what no longer holds is named with null. */
  #asPatch(status: PodStatus): unknown {
    const conditions = status.conditions?.map((one) => ({ reason: null, message: null, ...one }));
    return { ...status, conditions };
  }
}

/** Whether `held` says all that `ours` says; more (conditions of others, defaults) is no difference. */
function holds(held: PodStatus | undefined, ours: PodStatus): boolean {
  const conditions = ours.conditions?.every((one) =>
    held?.conditions?.some(
      ({ type, status, reason }) => type === one.type && status === one.status && reason === one.reason,
    ),
  );
  const containers = ours.containerStatuses?.every((one) =>
    held?.containerStatuses?.some(
      ({ name, ready, containerID, restartCount }) =>
        name === one.name &&
        ready === one.ready &&
        containerID === one.containerID &&
        restartCount === one.restartCount,
    ),
  );
  return Boolean(conditions && containers && held?.phase === ours.phase && held?.podIP === ours.podIP);
}
