// The node lifecycle controller: a node that stays silent becomes Unknown, nodes in trouble are tainted, and what runs on
// an unreachable node is no longer ready (upstream pkg/controller/nodelifecycle).
import { isReason } from '../api/status.ts';
import type { Lease } from '../api/types/coordination.v1.ts';
import type { Node, NodeCondition, Pod, Taint } from '../api/types/core.v1.ts';
import { leases, nodes, pods } from '../client/resources.ts';
import { rfc3339 } from '../host/clock.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { byNode } from './informers.ts';
import { controlLoop } from './loop.ts';
import { wantedTaints } from './node-taints.ts';
import { isPodReady } from './pods.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;
const SILENT = { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' };
const NEVER = { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' };

export function nodeLifecycleController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const queue = environment.queue('node_lifecycle_controller');
  const recorder = environment.recorder('node-controller');
  const nodeCache = informers.of(nodes);
  const podCache = informers.of(pods, byNode);
  const leaseCache = informers.of(leases);
  /** When this process last heard of each node, by its own clock (ms): the clocks of others are not compared. */
  const heardOf = new Map<string, number>();

  const heard = (name: string): void => {
    heardOf.set(name, clock.now());
  };
  nodeCache.addHandlers({
    add(node) {
      const { name } = node.metadata;
      heard(name);
      queue.add(name);
      const message = `Node ${name} event: Registered Node ${name} in Controller`;
      recorder.record({ resource: nodes, object: node, type: 'Normal', reason: 'RegisteredNode', message });
    },
    update(node, old) {
      if (heartbeatOf(node) !== heartbeatOf(old)) heard(node.metadata.name);
      if (needsLook(node, old)) queue.add(node.metadata.name);
    },
    delete: ({ metadata }) => heardOf.delete(metadata.name),
  });
  const renewed = (lease: Lease, old?: Lease): void => {
    const { namespace, name } = lease.metadata;
    if (namespace !== LEASE_NAMESPACE || lease.spec?.renewTime === old?.spec?.renewTime) return;
    heard(name);
    // A node thought gone is looked at once it speaks again: its own status says the rest.
  };
  leaseCache.addHandlers({ add: (lease) => renewed(lease), update: renewed });
  podCache.addHandlers({
    update: (pod) =>
      isPodReady(pod) && isUnready(nodeCache.get(pod.spec?.nodeName ?? '')) && queue.add(pod.spec!.nodeName!),
  });

  async function reconcile(name: string): Promise<void> {
    const found = nodeCache.get(name);
    if (!found) return;
    const silence = clock.now() - (heardOf.get(name) ?? clock.now());
    const left = options.nodeMonitorGracePeriodMs - silence;
    if (left > 0) queue.addAfter(name, Math.min(left + 1, options.nodeMonitorPeriodMs));
    const node = left > 0 ? found : await markUnknown(found);
    await writeTaints(node);
    if (isUnready(node)) await markPods(node);
  }

  async function markUnknown(node: Node): Promise<Node> {
    const now = rfc3339(clock.now());
    const conditions = unknownConditions(node, now);
    if (isEqual(conditions, node.status?.conditions)) return node;
    const wasReady = !isUnready(node);
    const written = await client.update(nodes, { ...node, status: { ...node.status, conditions } }, 'status');
    if (wasReady) {
      const message = `Node ${node.metadata.name} status is now: NodeNotReady`;
      recorder.record({ resource: nodes, object: node, type: 'Normal', reason: 'NodeNotReady', message });
    }
    return written;
  }

  async function writeTaints(node: Node): Promise<void> {
    const taints = wantedTaints(node, rfc3339(clock.now()));
    if (sameTaints(taints, node.spec?.taints)) return;
    const { name, resourceVersion } = node.metadata;
    const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
    await client.patch(nodes, { name }, patch);
  }

  /** Nobody on the node can say so: its pods leave the endpoints because their conditions are set from here. */
  async function markPods({ metadata }: Node): Promise<void> {
    const ready = podCache.byIndex('node', metadata.name).filter(isPodReady);
    await Promise.all(ready.map((pod) => markPod(pod, rfc3339(clock.now()))));
  }

  async function markPod(pod: Pod, now: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const condition = { type: 'Ready', status: 'False', lastTransitionTime: now };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await client.patch(pods, { name, namespace }, patch, { type: 'strategic', subresource: 'status' });
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
      return;
    }
    const message = 'Node is not ready';
    recorder.record({ resource: pods, object: pod, type: 'Warning', reason: 'NodeNotReady', message });
  }

  const caches = [nodeCache, podCache, leaseCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'nodelifecycle', queue, informers: caches, concurrency, reconcile }, environment);
}

function readyOf({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

function isUnready(node: Node | undefined): boolean {
  return node !== undefined && readyOf(node)?.status !== 'True';
}

function heartbeatOf(node: Node): string | undefined {
  return readyOf(node)?.lastHeartbeatTime;
}

/** Heartbeats alone need no look. */
function needsLook(node: Node, old: Node): boolean {
  const states = ({ status }: Node): unknown => status?.conditions?.map(({ type, status: state }) => [type, state]);
  return !isEqual(states(node), states(old)) || !isEqual(node.spec, old.spec);
}

function unknownConditions(node: Node, now: string): NodeCondition[] {
  const current = node.status?.conditions ?? [];
  const known = current.map((condition) => {
    if (!REPORTED.some((type) => type === condition.type) || condition.status === 'Unknown') return condition;
    return { ...condition, status: 'Unknown', ...SILENT, lastTransitionTime: now };
  });
  const missing = REPORTED.filter((type) => !current.some((condition) => condition.type === type));
  const never = missing.map((type) => ({
    type,
    status: 'Unknown',
    ...NEVER,
    lastHeartbeatTime: node.metadata.creationTimestamp,
    lastTransitionTime: now,
  }));
  return [...known, ...never];
}

function sameTaints(a: readonly Taint[], b: readonly Taint[] = []): boolean {
  const text = (taints: readonly Taint[]): string =>
    taints
      .map(({ key, value, effect }) => `${key}=${value ?? ''}:${effect}`)
      .sort()
      .join();
  return text(a) === text(b);
}
