// As many pods of one template as asked for: what ReplicaSets and ReplicationControllers have in common (upstream
// pkg/controller/replicaset).
import { controllerOf, type KubeObject, keyOf } from '../api/object.ts';
import { type LabelMatcher, labelSelectorOf } from '../api/selectors/labels.ts';
import type { ReplicaSetStatus } from '../api/types/apps.v1.ts';
import type { Pod, PodTemplateSpec } from '../api/types/core.v1.ts';
import type { Resource } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { pods } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import { withCondition, withoutCondition } from './conditions.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { controlLoop } from './loop.ts';
import { OwnWrites } from './own-writes.ts';
import { claim } from './ownership.ts';
import { podsToDelete } from './pod-ranking.ts';
import { createPods, deletePods, type PodWrites } from './pod-writes.ts';
import { availableIn, isPodActive, isPodAvailable, isPodReady, isPodTerminal } from './pods.ts';

/** Pods created or deleted in one go, at most. */
const BURST = 500;

/** What has replicas. */
export interface Replicated extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly template?: PodTemplateSpec;
  };
  readonly status?: ReplicaSetStatus;
}

/** One kind of it. */
export interface ReplicatedKind<T extends Replicated> {
  readonly name: string;
  readonly resource: Resource<T>;
  selectorOf(object: T): LabelMatcher;
  /** What the kind has not, its status does not say. */
  readonly countsTerminating: boolean;
}

export function replicasController<T extends Replicated>(
  kind: ReplicatedKind<T>,
  environment: Environment,
): Controller {
  const { client, informers, options, clock } = environment;
  const { name, resource, selectorOf } = kind;
  const queue = environment.queue(name);
  const recorder = environment.recorder(`${name}-controller`);
  const setCache = informers.of(resource);
  const podCache = informers.of(pods);
  const podWrites = new OwnWrites(podCache, queue, clock);
  const setWrites = new OwnWrites(setCache, queue, clock);

  const enqueue = (set: T): void => queue.add(keyOf(set));
  setCache.addHandlers({ add: enqueue, update: enqueue });
  watchPods(kind, podCache, setCache, enqueue);

  async function reconcile(key: string): Promise<void> {
    const set = setCache.get(key);
    if (!set || !podWrites.caughtUp(key) || !setWrites.caughtUp(key)) return;
    const owner = { resource, object: set };
    const candidates = podCache.byIndex('namespace', set.metadata.namespace!);
    const selector = selectorOf(set);
    const owned = await claim({ client, owner, resource: pods, selector, candidates });
    const active = owned.filter(isPodActive);
    let failure: Error | undefined;
    if (!set.metadata.deletionTimestamp) {
      const writes = { client, recorder, writes: podWrites, key, owner };
      failure = await scale(writes, { set, selector, active, candidates }).catch((error: Error) => error);
    }
    const status = statusOf(kind, set, { owned, failure, now: clock.now() });
    if (!isEqual(status, set.status)) {
      setWrites.wrote(key, await client.update(resource, { ...set, status }, 'status'));
    }
    if (failure) throw failure;
    wakeForAvailability(key, set, active);
  }

  /** A pod becomes available by time alone: nothing else would tell. */
  function wakeForAvailability(key: string, { spec }: T, active: readonly Pod[]): void {
    const { minReadySeconds = 0 } = spec!;
    if (minReadySeconds === 0) return;
    const waits = active.filter(isPodReady).map((pod) => availableIn(pod, minReadySeconds, clock.now()));
    const next = Math.min(...waits.filter((ms) => ms > 0));
    if (Number.isFinite(next)) queue.addAfter(key, next);
  }

  const caches = [podCache, setCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name, queue, informers: caches, concurrency, reconcile }, environment);
}

interface Scaling<T> {
  readonly set: T;
  readonly selector: LabelMatcher;
  readonly active: readonly Pod[];
  readonly candidates: readonly Pod[];
}

/** Resolves with nothing when the number of pods is right, or will be; rejects with the first refusal. */
async function scale<T extends Replicated>(
  writes: PodWrites<T>,
  { set, selector, active, candidates }: Scaling<T>,
): Promise<undefined> {
  const { replicas = 1, template } = set.spec!;
  const missing = replicas - active.length;
  if (missing > 0) await createPods(writes, template!, Math.min(missing, BURST));
  else if (missing < 0) {
    const related = candidates.filter((pod) => isPodActive(pod) && selector.matches(pod.metadata.labels));
    await deletePods(writes, podsToDelete(active, related, Math.min(-missing, BURST)));
  }
}

function watchPods<T extends Replicated>(
  { resource, selectorOf }: ReplicatedKind<T>,
  podCache: Informer<Pod>,
  setCache: Informer<T>,
  enqueue: (set: T) => void,
): void {
  const wakeOwner = (pod: Pod): boolean => {
    const owner = controllerOf(pod);
    if (!owner) return false;
    const set = owner.kind === resource.kind ? setCache.get(`${pod.metadata.namespace}/${owner.name}`) : undefined;
    if (set?.metadata.uid === owner.uid) enqueue(set);
    return true;
  };
  const wakeAdopters = (pod: Pod): void => {
    for (const set of setCache.byIndex('namespace', pod.metadata.namespace!)) {
      if (selectorOf(set).matches(pod.metadata.labels)) enqueue(set);
    }
  };
  podCache.addHandlers({
    add: (pod) => wakeOwner(pod) || wakeAdopters(pod),
    update(pod, old) {
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) wakeOwner(old);
      if (wakeOwner(pod)) return;
      if (!isEqual(pod.metadata.labels, old.metadata.labels) || controllerOf(old)) wakeAdopters(pod);
    },
    delete: wakeOwner,
  });
}

interface Seen {
  readonly owned: readonly Pod[];
  readonly failure: Error | undefined;
  /** ms since the epoch. */
  readonly now: number;
}

function statusOf<T extends Replicated>(
  { countsTerminating }: ReplicatedKind<T>,
  set: T,
  { owned, failure, now }: Seen,
): ReplicaSetStatus {
  const { minReadySeconds = 0, template, replicas = 1 } = set.spec!;
  const active = owned.filter(isPodActive);
  const labels = labelSelectorOf({ matchLabels: template?.metadata?.labels });
  const ready = active.filter(isPodReady).length;
  const available = active.filter((pod) => isPodAvailable(pod, minReadySeconds, now)).length;
  const labelled = active.filter((pod) => labels.matches(pod.metadata.labels)).length;
  const conditions = failure
    ? withCondition(set.status?.conditions, {
        type: 'ReplicaFailure',
        status: 'True',
        reason: active.length < replicas ? 'FailedCreate' : 'FailedDelete',
        message: failure.message,
        lastTransitionTime: rfc3339(now),
      })
    : withoutCondition(set.status?.conditions, 'ReplicaFailure');
  return {
    replicas: active.length,
    ...(labelled && { fullyLabeledReplicas: labelled }),
    ...(ready && { readyReplicas: ready }),
    ...(available && { availableReplicas: available }),
    ...(countsTerminating && {
      terminatingReplicas: owned.filter((pod) => pod.metadata.deletionTimestamp && !isPodTerminal(pod)).length,
    }),
    observedGeneration: set.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  };
}
