// Keeps one pod's volumes as its objects are: made before its containers start, again when something they show has changed.
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '../../api/types/core.v1.ts';
import { Backoff } from '../../client/backoff.ts';
import { MountError, PodVolumes } from '../volumes/pod-volumes.ts';
import { volumeReferences } from '../volumes/references.ts';
import { factsOf, type PodContext, podEvent } from './pod-context.ts';
import { podDirectory } from './sandbox-records.ts';

/** ms between attempts (upstream pkg/util/goroutinemap/exponentialbackoff). */
const RETRY = { baseMs: 500, capMs: 122_000 };

export class VolumesSync {
  readonly volumes: PodVolumes;
  readonly #context: PodContext;
  readonly #unfollow: readonly (() => void)[];
  readonly #retry = new Backoff(RETRY);
  #isStale = true;
  #isMade = false;

  /** `changed` is called when the volumes should be looked at. */
  constructor(context: PodContext, pod: Pod, changed: () => void) {
    const { client, clock, directory, followed } = context;
    this.#context = context;
    this.volumes = new PodVolumes({
      client,
      clock,
      directory: podDirectory(directory, pod.metadata.uid!),
      hostRoot: `${directory}/host`,
    });
    const ring = (): void => {
      this.#isStale = true;
      changed();
    };
    this.#unfollow = volumeReferences(pod).map((reference) => followed.follow(reference, ring));
  }

  /** The pod has another version: what a downward volume shows may have changed. */
  update(pod: Pod, old: Pod): void {
    const shown = ({ metadata }: Pod): unknown => [metadata.labels, metadata.annotations];
    if (!isDeepStrictEqual(shown(pod), shown(old))) this.#isStale = true;
  }

  /** True once every volume is there. `waitMs` is when to look again; failures are told by events, and tried again. */
  async sync(pod: Pod): Promise<{ isMade: boolean; waitMs?: number }> {
    const { clock } = this.#context;
    if ((this.volumes.renewAt ?? Number.POSITIVE_INFINITY) <= clock.now()) this.#isStale = true;
    if (!this.#isStale) return { isMade: this.#isMade, waitMs: this.#untilRenewal() };
    this.#isStale = false;
    try {
      await this.volumes.sync(pod, factsOf(this.#context, []));
      this.#isMade = true;
      this.#retry.reset();
      return { isMade: true, waitMs: this.#untilRenewal() };
    } catch (error) {
      this.#isStale = true;
      if (!(error instanceof MountError)) throw error;
      podEvent(this.#context, pod, 'Warning', 'FailedMount', error.message);
      return { isMade: this.#isMade, waitMs: this.#retry.next() };
    }
  }

  release(): void {
    for (const unfollow of this.#unfollow) unfollow();
  }

  #untilRenewal(): number | undefined {
    const at = this.volumes.renewAt;
    return at === undefined ? undefined : Math.max(0, at - this.#context.clock.now());
  }
}
