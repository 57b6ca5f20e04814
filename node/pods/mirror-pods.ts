// Pods of the node itself (kube-proxy), which the agent runs without being told to by the API server, and shows there as mirror
// pods (upstream pkg/kubelet/pod/mirror_client.go, pkg/kubelet/config/common.go).
import { createHash } from 'node:crypto';
import { isReason } from '../../api/status.ts';
import type { Node, Pod } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import type { Bell } from '../../host/bell.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { containerIDField } from './container-status.ts';
import { podStatus } from './pod-status.ts';

export interface MirrorPod {
  /** Without the node's name: `kube-proxy`. */
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  /** Its log, in the container runtimes' format; absent: it keeps none. */
  readonly logFile?: string;
}

export interface MirrorOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly hostIPs: readonly string[];
  readonly mirrorPods: readonly MirrorPod[];
  /** The node's own object. */
  node(): Node | undefined;
  /** Rung when the node's own object has changed. */
  readonly bell: Bell;
  readonly clock: Clock;
  readonly log: Logger;
}

const MIRROR = 'kubernetes.io/config.mirror';
/** ms between looks at whether the mirror pods are still there. */
const CHECK_MS = 2000;

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[MIRROR] !== undefined;
}

/** Runs until `signal` aborts. */
export async function keepMirrorPods(options: MirrorOptions, signal: AbortSignal): Promise<void> {
  const { mirrorPods, clock, log, bell } = options;
  const startedAt = clock.now();
  while (!signal.aborted) {
    for (const mirror of mirrorPods) {
      await keepMirrorPod(options, mirror, startedAt).catch((error: Error) =>
        log.warn({ err: error, pod: mirror.name }, 'mirror pod not written, trying again'),
      );
    }
    await bell.rung(signal, CHECK_MS);
  }
}

async function keepMirrorPod(options: MirrorOptions, mirror: MirrorPod, startedAt: number): Promise<void> {
  const { client } = options;
  const node = options.node();
  if (!node) return;
  const wanted = mirrorPodOf(mirror, node, startedAt);
  const at = { name: wanted.metadata.name, namespace: wanted.metadata.namespace };
  let pod = await client.get(pods, at).catch((error) => {
    if (!isReason(error, 'NotFound')) throw error;
  });
  const isOurs = pod?.metadata.annotations?.[MIRROR] === wanted.metadata.annotations![MIRROR];
  if (pod && (pod.metadata.deletionTimestamp || !isOurs)) {
    await client.delete(pods, at, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
    pod = undefined;
  }
  pod ??= await client.create(pods, wanted);
  const status = runningStatus(options, pod, startedAt);
  const isTold = pod.status?.containerStatuses?.[0]?.containerID === status.containerStatuses![0].containerID;
  const isReady = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  if (isTold && isReady) return;
  await client.patch(pods, at, { status }, { type: 'strategic', subresource: 'status' });
}

/** The mirror pod's object; its hash tells whether it still is what the node runs. */
export function mirrorPodOf(mirror: MirrorPod, node: Node, seenAt: number): Pod {
  const nodeName = node.metadata.name;
  const hash = createHash('md5')
    .update(JSON.stringify([mirror, nodeName]))
    .digest('hex');
  return {
    metadata: {
      name: `${mirror.name}-${nodeName}`,
      namespace: 'kube-system',
      labels: { 'k8s-app': mirror.name, component: mirror.name, tier: 'node' },
      annotations: {
        'kubernetes.io/config.hash': hash,
        [MIRROR]: hash,
        'kubernetes.io/config.seen': new Date(seenAt).toISOString(),
        'kubernetes.io/config.source': 'file',
      },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid!, controller: true }],
    },
    spec: {
      nodeName,
      hostNetwork: true,
      enableServiceLinks: false,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      containers: [{ name: mirror.name, image: mirror.image, ...(mirror.command && { command: [...mirror.command] }) }],
    },
  };
}

function runningStatus({ hostIPs, clock }: MirrorOptions, pod: Pod, startedAt: number): NonNullable<Pod['status']> {
  const container = pod.spec!.containers[0];
  const id = `${pod.metadata.uid}_${container.name}_${startedAt}`;
  const view = {
    spec: container,
    imageID: container.image,
    current: { id, running: true, pid: process.pid, startedAt },
    restartCount: 0,
    isStarted: true,
    isReady: true,
  };
  const status = podStatus(
    { pod, initContainers: [], containers: [view], hostIPs, podIPs: hostIPs, startedAt },
    pod.status,
    clock.now(),
  );
  status.containerStatuses![0].containerID = containerIDField(id);
  return status;
}
