// Evicts pods from nodes with NoExecute taints they don't tolerate, or tolerate only for a while
// (upstream pkg/controller/tainteviction).
import { keyOf } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Node, Pod, Taint } from '../api/types/core.v1.ts';
import { nodes, pods } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { byNode } from './informers.ts';
import { controlLoop } from './loop.ts';
import { isTolerated } from './scheduler/filters.ts';

export function taintEvictionController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('noexec_taint_pod');
  const recorder = environment.recorder('taint-eviction-controller');
  const nodeCache = informers.of(nodes);
  const podCache = informers.of(pods, byNode);

  const enqueue = (pod: Pod): void => {
    if (pod.spec?.nodeName && noExecute(nodeCache.get(pod.spec.nodeName)).length > 0) queue.add(keyOf(pod));
  };
  podCache.addHandlers({
    add: enqueue,
    update: (pod, old) =>
      (pod.spec?.nodeName !== old.spec?.nodeName || !isEqual(pod.spec?.tolerations, old.spec?.tolerations)) &&
      enqueue(pod),
  });
  const wakePods = ({ metadata }: Node): void => {
    for (const pod of podCache.byIndex('node', metadata.name)) queue.add(keyOf(pod));
  };
  nodeCache.addHandlers({
    add: (node) => noExecute(node).length > 0 && wakePods(node),
    update: (node, old) => !isEqual(noExecute(node), noExecute(old)) && wakePods(node),
  });

  async function reconcile(key: string): Promise<void> {
    const pod = podCache.get(key);
    if (!pod?.spec?.nodeName || pod.metadata.deletionTimestamp) return;
    const due = evictionTime(pod, noExecute(nodeCache.get(pod.spec.nodeName)), clock.now());
    if (due === undefined) return;
    if (due > clock.now()) queue.addAfter(key, due - clock.now());
    else await evict(pod);
  }

  async function evict(pod: Pod): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const message = `Marking for deletion Pod ${namespace}/${name}`;
    recorder.record({ resource: pods, object: pod, type: 'Normal', reason: 'TaintManagerEviction', message });
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: rfc3339(clock.now()),
    };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await client.patch(pods, { name, namespace }, patch, { type: 'strategic', subresource: 'status' });
      await client.delete(pods, { name, namespace }, { preconditions: { uid } });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  const caches = [nodeCache, podCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'taint-eviction', queue, informers: caches, concurrency, reconcile }, environment);
}

function noExecute(node: Node | undefined): Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

/** ms since the epoch when the pod must go; undefined: it may stay. Counted from when each taint was put there. */
function evictionTime(pod: Pod, taints: readonly Taint[], now: number): number | undefined {
  let due: number | undefined;
  for (const taint of taints) {
    const using = (pod.spec?.tolerations ?? []).filter((toleration) => isTolerated(toleration, taint));
    const seconds = using.map(({ tolerationSeconds }) => tolerationSeconds).filter((one) => one !== undefined);
    if (using.length > 0 && seconds.length === 0) continue;
    const since = taint.timeAdded ? Date.parse(taint.timeAdded) : now;
    const until = using.length === 0 ? now : since + Math.max(0, Math.min(...seconds)) * 1000;
    due = Math.min(due ?? until, until);
  }
  return due;
}
