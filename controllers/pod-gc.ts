// Removes pods nobody else can: bound to nodes that don't exist, deleted before they had a node, or finished in too large
// a number (upstream pkg/controller/podgc).
import { keyOf } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Pod } from '../api/types/core.v1.ts';
import { nodes, pods } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import type { Controller, Environment } from './environment.ts';
import { byNode } from './informers.ts';
import { controlLoop } from './loop.ts';
import { isPodTerminal } from './pods.ts';

/** ms a node must have been missing: one that is being replaced comes back under its name. */
const QUARANTINE_MS = 40_000;
const ALL_FINISHED = '*finished';

export function podGCController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('orphaned_pods_nodes');
  const nodeCache = informers.of(nodes);
  const podCache = informers.of(pods, byNode);
  /** Node name → when it was first missed (ms). */
  const missing = new Map<string, number>();

  const enqueue = (pod: Pod): void => {
    if (pod.metadata.deletionTimestamp || (pod.spec?.nodeName && !nodeCache.get(pod.spec.nodeName)))
      queue.add(keyOf(pod));
    if (isPodTerminal(pod)) queue.add(ALL_FINISHED);
  };
  podCache.addHandlers({ add: enqueue, update: enqueue });
  nodeCache.addHandlers({
    add: ({ metadata }) => missing.delete(metadata.name),
    delete({ metadata }) {
      for (const pod of podCache.byIndex('node', metadata.name)) queue.add(keyOf(pod));
    },
  });

  async function reconcile(key: string): Promise<void> {
    if (key === ALL_FINISHED) return removeFinished();
    const pod = podCache.get(key);
    const nodeName = pod?.spec?.nodeName;
    if (!pod) return;
    if (!nodeName) {
      if (pod.metadata.deletionTimestamp) await remove(pod);
      return;
    }
    if (nodeCache.get(nodeName)) return;
    const since = missing.get(nodeName) ?? clock.now();
    missing.set(nodeName, since);
    const left = since + QUARANTINE_MS - clock.now();
    if (left > 0) return queue.addAfter(key, left);
    const exists = await client.get(nodes, { name: nodeName }).then(
      () => true,
      (error: unknown) => {
        if (isReason(error, 'NotFound')) return false;
        throw error;
      },
    );
    if (!exists) await removeOrphan(pod);
  }

  /** Marked failed first, so that whoever counts pods knows how it ended. */
  async function removeOrphan(pod: Pod): Promise<void> {
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
      lastTransitionTime: rfc3339(clock.now()),
    };
    const { name, namespace } = pod.metadata;
    if (!isPodTerminal(pod)) {
      const patch = { status: { phase: 'Failed', conditions: [condition] } };
      await client
        .patch(pods, { name, namespace }, patch, { type: 'strategic', subresource: 'status' })
        .catch(ignoreNotFound);
    }
    await remove(pod);
  }

  async function remove({ metadata: { name, namespace, uid } }: Pod): Promise<void> {
    await client
      .delete(pods, { name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid } })
      .catch(ignoreNotFound);
  }

  async function removeFinished(): Promise<void> {
    const finished = podCache.list().filter((pod) => isPodTerminal(pod) && !pod.metadata.deletionTimestamp);
    const surplus = finished.length - options.terminatedPodGCThreshold;
    if (surplus <= 0) return;
    const age = ({ metadata }: Pod): string => `${metadata.creationTimestamp} ${metadata.name}`;
    const oldest = finished.sort((a, b) => (age(a) < age(b) ? -1 : 1)).slice(0, surplus);
    await Promise.all(oldest.map(remove));
  }

  const caches = [nodeCache, podCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'podgc', queue, informers: caches, concurrency, reconcile }, environment);
}

function ignoreNotFound(error: unknown): undefined {
  if (!isReason(error, 'NotFound')) throw error;
}
