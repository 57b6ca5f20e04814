// The ReplicaSet controller: as many pods of one template as asked for (upstream pkg/controller/replicaset).
import { controllerOf, keyOf } from '../api/object.ts';
import { labelSelectorOf } from '../api/selectors/labels.ts';
import type { ReplicaSet, ReplicaSetStatus } from '../api/types/apps.v1.ts';
import type { Pod } from '../api/types/core.v1.ts';
import type { Informer } from '../client/informer.ts';
import { pods, replicaSets } from '../client/resources.ts';
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

export function replicaSetController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('replicaset');
  const recorder = environment.recorder('replicaset-controller');
  const setCache = informers.of(replicaSets);
  const podCache = informers.of(pods);
  const podWrites = new OwnWrites(podCache, queue, clock);
  const setWrites = new OwnWrites(setCache, queue, clock);

  const enqueue = (set: ReplicaSet): void => queue.add(keyOf(set));
  setCache.addHandlers({ add: enqueue, update: enqueue });
  watchPods(podCache, setCache, enqueue);

  async function reconcile(key: string): Promise<void> {
    const set = setCache.get(key);
    if (!set || !podWrites.caughtUp(key) || !setWrites.caughtUp(key)) return;
    const owner = { resource: replicaSets, object: set };
    const candidates = podCache.byIndex('namespace', set.metadata.namespace!);
    const selector = labelSelectorOf(set.spec!.selector);
    const owned = await claim({ client, owner, resource: pods, selector, candidates });
    const active = owned.filter(isPodActive);
    let failure: Error | undefined;
    if (!set.metadata.deletionTimestamp) {
      const writes = { client, recorder, writes: podWrites, key, owner };
      failure = await scale(writes, set, active, candidates).catch((error: Error) => error);
    }
    const status = statusOf(set, owned, failure, clock.now());
    if (!isEqual(status, set.status)) {
      setWrites.wrote(key, await client.update(replicaSets, { ...set, status }, 'status'));
    }
    if (failure) throw failure;
    wakeForAvailability(key, set, active);
  }

  /** A pod becomes available by time alone: nothing else would tell. */
  function wakeForAvailability(key: string, { spec }: ReplicaSet, active: readonly Pod[]): void {
    const { minReadySeconds = 0 } = spec!;
    if (minReadySeconds === 0) return;
    const waits = active.filter(isPodReady).map((pod) => availableIn(pod, minReadySeconds, clock.now()));
    const next = Math.min(...waits.filter((ms) => ms > 0));
    if (Number.isFinite(next)) queue.addAfter(key, next);
  }

  const caches = [podCache, setCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'replicaset', queue, informers: caches, concurrency, reconcile }, environment);
}

/** Resolves with nothing when the number of pods is right, or will be; rejects with the first refusal. */
async function scale(
  writes: PodWrites<ReplicaSet>,
  set: ReplicaSet,
  active: readonly Pod[],
  candidates: readonly Pod[],
): Promise<undefined> {
  const { replicas = 1, template } = set.spec!;
  const missing = replicas - active.length;
  if (missing > 0) await createPods(writes, template!, Math.min(missing, BURST));
  else if (missing < 0) {
    const selector = labelSelectorOf(set.spec!.selector);
    const related = candidates.filter((pod) => isPodActive(pod) && selector.matches(pod.metadata.labels));
    await deletePods(writes, podsToDelete(active, related, Math.min(-missing, BURST)));
  }
}

function watchPods(podCache: Informer<Pod>, setCache: Informer<ReplicaSet>, enqueue: (set: ReplicaSet) => void): void {
  const wakeOwner = (pod: Pod): boolean => {
    const owner = controllerOf(pod);
    if (!owner) return false;
    const set = owner.kind === 'ReplicaSet' ? setCache.get(`${pod.metadata.namespace}/${owner.name}`) : undefined;
    if (set?.metadata.uid === owner.uid) enqueue(set);
    return true;
  };
  const wakeAdopters = (pod: Pod): void => {
    for (const set of setCache.byIndex('namespace', pod.metadata.namespace!)) {
      if (labelSelectorOf(set.spec!.selector).matches(pod.metadata.labels)) enqueue(set);
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

function statusOf(set: ReplicaSet, owned: readonly Pod[], failure: Error | undefined, now: number): ReplicaSetStatus {
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
    terminatingReplicas: owned.filter((pod) => pod.metadata.deletionTimestamp && !isPodTerminal(pod)).length,
    observedGeneration: set.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  };
}
