// The scheduler: gives every waiting pod a node, at once when there is one, and again when something changed that matters.
// Deciding is synchronous, one pod after the other; the writes that follow overlap (upstream pkg/scheduler).
import { keyOf } from '../../api/object.ts';
import { isReason } from '../../api/status.ts';
import type { Binding, Node, Pod } from '../../api/types/core.v1.ts';
import type { Resource } from '../../client/client.ts';
import { nodes, pods } from '../../client/resources.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Controller, Environment } from '../environment.ts';
import { isEqual } from '../equality.ts';
import { byNode } from '../informers.ts';
import { controlLoop } from '../loop.ts';
import { isPodTerminal, podCondition } from '../pods.ts';
import { hasPodAffinity } from './affinity.ts';
import { type Refusal, refusalOf } from './filters.ts';
import { type NodeView, nodeView } from './node-view.ts';
import { bestOf } from './scores.ts';
import { verdictOf } from './verdict.ts';

const NAME = 'default-scheduler';
const bindings: Resource<Binding> = { ...pods, kind: 'Binding', type: undefined };

export function scheduler(environment: Environment): Controller {
  const { client, informers, clock } = environment;
  const queue = environment.queue('scheduler');
  const recorder = environment.recorder(NAME);
  const podCache = informers.of(pods, byNode);
  const nodeCache = informers.of(nodes);
  /** Decided, but not yet seen bound: they already count. By pod key. */
  const assumed = new Map<string, Pod>();
  /** Keys of pods that fitted nowhere. */
  const unschedulable = new Set<string>();

  const wake = (matters: (pod: Pod) => boolean): void => {
    for (const key of unschedulable) {
      const pod = podCache.get(key);
      if (!pod || matters(pod)) queue.add(key);
    }
  };
  podCache.addHandlers({
    add(pod) {
      if (isWaiting(pod)) queue.add(keyOf(pod));
      else if (pod.spec?.nodeName) wake(hasPodAffinity);
    },
    update(pod, old) {
      const key = keyOf(pod);
      if (pod.spec?.nodeName) {
        if (assumed.get(key)?.metadata.uid === pod.metadata.uid) assumed.delete(key);
        unschedulable.delete(key);
        if (isPodTerminal(pod) && !isPodTerminal(old)) wake(() => true);
        else if (!isEqual(pod.metadata.labels, old.metadata.labels) || !old.spec?.nodeName) wake(hasPodAffinity);
      } else if (isWaiting(pod) && !isEqual(pod.spec, old.spec)) queue.add(key);
    },
    delete(pod) {
      assumed.delete(keyOf(pod));
      unschedulable.delete(keyOf(pod));
      if (pod.spec?.nodeName) wake(() => true);
    },
  });
  nodeCache.addHandlers({
    add: () => wake(() => true),
    update: (node, old) => nodeChanged(node, old) && wake(() => true),
  });

  function views(): NodeView[] {
    const coming = new Map<string, Pod[]>();
    for (const pod of assumed.values()) {
      const name = pod.spec!.nodeName!;
      coming.set(name, [...(coming.get(name) ?? []), pod]);
    }
    return nodeCache
      .list()
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map((node) => {
        const { name } = node.metadata;
        const bound = podCache.byIndex('node', name).filter((pod) => !isPodTerminal(pod));
        return nodeView(node, [...bound, ...(coming.get(name) ?? [])]);
      });
  }

  async function reconcile(key: string): Promise<void> {
    const pod = podCache.get(key);
    if (!pod || !isWaiting(pod) || assumed.has(key)) return;
    const all = views();
    const refusals: Refusal[] = [];
    const feasible = all.filter((view) => {
      const refusal = refusalOf(pod, view, all);
      if (refusal) refusals.push(refusal);
      return !refusal;
    });
    if (feasible.length === 0) return refuse(key, pod, verdictOf(pod, refusals));
    const nodeName = bestOf(pod, feasible).node.metadata.name;
    assumed.set(key, { ...pod, spec: { ...pod.spec!, nodeName } });
    try {
      await bind(pod, nodeName);
    } catch (error) {
      assumed.delete(key);
      throw error;
    }
  }

  async function bind(pod: Pod, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
    try {
      await client.create(bindings, { metadata: { name, namespace, uid }, target }, 'binding');
    } catch (error) {
      if (isReason(error, 'NotFound')) {
        assumed.delete(keyOf(pod)); // deleted meanwhile
        return;
      }
      throw error;
    }
    const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
    recorder.record({ resource: pods, object: pod, type: 'Normal', reason: 'Scheduled', message });
  }

  async function refuse(key: string, pod: Pod, message: string): Promise<void> {
    unschedulable.add(key);
    const current = podCondition(pod, 'PodScheduled');
    if (current?.status === 'False' && current.message === message) return;
    recorder.record({ resource: pods, object: pod, type: 'Warning', reason: 'FailedScheduling', message });
    const lastTransitionTime = current?.status === 'False' ? current.lastTransitionTime : rfc3339(clock.now());
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
    const { name, namespace } = pod.metadata;
    const patch = { status: { conditions: [{ ...condition, lastProbeTime: null }] } };
    await client
      .patch(pods, { name, namespace }, patch, { type: 'strategic', subresource: 'status' })
      .catch((error: unknown) => {
        if (!isReason(error, 'NotFound')) throw error;
      });
  }

  const caches = [podCache, nodeCache];
  return controlLoop({ name: 'scheduler', queue, informers: caches, concurrency: 16, reconcile }, environment);
}

function isWaiting(pod: Pod): boolean {
  const { nodeName, schedulerName = NAME, schedulingGates = [] } = pod.spec!;
  const free = !nodeName && !pod.metadata.deletionTimestamp && !isPodTerminal(pod);
  return free && schedulerName === NAME && schedulingGates.length === 0;
}

/** Heartbeats change nothing that a pod asks for. */
function nodeChanged(node: Node, old: Node): boolean {
  return (
    !isEqual(node.spec, old.spec) ||
    !isEqual(node.metadata.labels, old.metadata.labels) ||
    !isEqual(node.status?.allocatable, old.status?.allocatable)
  );
}
