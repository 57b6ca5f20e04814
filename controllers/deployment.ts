// The Deployment controller: revisions of a template, rolled out and scaled by ReplicaSets
// (upstream pkg/controller/deployment).
import { controllerOf, keyOf } from '../api/object.ts';
import { labelSelectorOf } from '../api/selectors/labels.ts';
import type { Deployment, ReplicaSet } from '../api/types/apps.v1.ts';
import type { Pod } from '../api/types/core.v1.ts';
import type { Informer } from '../client/informer.ts';
import { deployments, pods, replicaSets } from '../client/resources.ts';
import { Rollout } from './deployment-rollout.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { controlLoop } from './loop.ts';
import { OwnWrites } from './own-writes.ts';
import { claim } from './ownership.ts';

export function deploymentController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('deployment');
  const recorder = environment.recorder('deployment-controller');
  const deploymentCache = informers.of(deployments);
  const setCache = informers.of(replicaSets);
  const podCache = informers.of(pods);
  const writes = {
    deployments: new OwnWrites(deploymentCache, queue, clock),
    sets: new OwnWrites(setCache, queue, clock),
  };

  const enqueue = (deployment: Deployment): void => queue.add(keyOf(deployment));
  deploymentCache.addHandlers({ add: enqueue, update: enqueue });
  watchSets(setCache, deploymentCache, enqueue);
  watchLastPods(podCache, setCache, deploymentCache, enqueue);

  async function reconcile(key: string): Promise<void> {
    const deployment = deploymentCache.get(key);
    if (!deployment || !writes.deployments.caughtUp(key) || !writes.sets.caughtUp(key)) return;
    const selector = labelSelectorOf(deployment.spec!.selector);
    if (selector.everything) {
      const message = 'This deployment is selecting all pods. A non-empty selector is required.';
      const about = { resource: deployments, object: deployment };
      recorder.record({ ...about, type: 'Warning', reason: 'SelectingAll', message });
      return;
    }
    const sets = await claim({
      client,
      owner: { resource: deployments, object: deployment },
      resource: replicaSets,
      selector,
      candidates: setCache.byIndex('namespace', deployment.metadata.namespace!),
    });
    const podsOf = (set: ReplicaSet): Pod[] => podCache.byIndex('owner', set.metadata.uid!);
    const rollout = new Rollout({ client, recorder, writes, clock, queue, key, deployment, sets, podsOf });
    await rollout.step();
  }

  const caches = [deploymentCache, setCache, podCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'deployment', queue, informers: caches, concurrency, reconcile }, environment);
}

function watchSets(
  setCache: Informer<ReplicaSet>,
  deploymentCache: Informer<Deployment>,
  enqueue: (deployment: Deployment) => void,
): void {
  const wakeOwner = (set: ReplicaSet): boolean => {
    const owner = controllerOf(set);
    const deployment = ownerOf(set, deploymentCache);
    if (deployment) enqueue(deployment);
    return owner !== undefined;
  };
  const wakeAdopters = (set: ReplicaSet): void => {
    for (const deployment of deploymentCache.byIndex('namespace', set.metadata.namespace!)) {
      if (labelSelectorOf(deployment.spec!.selector).matches(set.metadata.labels)) enqueue(deployment);
    }
  };
  setCache.addHandlers({
    add: (set) => wakeOwner(set) || wakeAdopters(set),
    update(set, old) {
      if (controllerOf(old)?.uid !== controllerOf(set)?.uid) wakeOwner(old);
      if (wakeOwner(set)) return;
      if (!isEqual(set.metadata.labels, old.metadata.labels) || controllerOf(old)) wakeAdopters(set);
    },
    delete: wakeOwner,
  });
}

/** Strategy Recreate waits for the last old pod to be gone, which no ReplicaSet's status tells. */
function watchLastPods(
  podCache: Informer<Pod>,
  setCache: Informer<ReplicaSet>,
  deploymentCache: Informer<Deployment>,
  enqueue: (deployment: Deployment) => void,
): void {
  podCache.addHandlers({
    delete(pod) {
      const owner = controllerOf(pod);
      const set = owner?.kind === 'ReplicaSet' ? setCache.get(`${pod.metadata.namespace}/${owner.name}`) : undefined;
      const deployment = set && ownerOf(set, deploymentCache);
      if (deployment?.spec?.strategy?.type === 'Recreate') enqueue(deployment);
    },
  });
}

function ownerOf(set: ReplicaSet, deploymentCache: Informer<Deployment>): Deployment | undefined {
  const owner = controllerOf(set);
  if (owner?.kind !== 'Deployment') return undefined;
  const deployment = deploymentCache.get(`${set.metadata.namespace}/${owner.name}`);
  return deployment?.metadata.uid === owner.uid ? deployment : undefined;
}
