// `/stats/summary`: what the node and its pods use, in the kubelet's shape, as much of it as is known here
// (k8s.io/kubelet v0.36 pkg/apis/stats/v1alpha1).
import type { Pod } from '../../api/types/core.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import { parseContainerID, type Runtime } from '../runtime.ts';
import { containerSpec } from '../streams/containers.ts';
import type { KnownPods } from '../streams/stream-context.ts';
import type { Rate, Usages } from './usage-history.ts';

export interface Stats {
  readonly startTime?: string;
  readonly cpu: {
    readonly time: string;
    readonly usageNanoCores: number;
    readonly usageCoreNanoSeconds: number;
    /** Not the kubelet's: ms that usageNanoCores is the average of. */
    readonly windowMilliseconds: number;
  };
  readonly memory: { readonly time: string; readonly workingSetBytes: number };
}

export interface ContainerStats extends Stats {
  readonly name: string;
}

export interface PodStats extends Stats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly containers: readonly ContainerStats[];
}

export interface Summary {
  readonly node: Partial<Stats> & { readonly nodeName: string };
  readonly pods: readonly PodStats[];
}

export interface Measured {
  readonly usages: Usages;
  readonly pods: KnownPods;
  readonly runtime: Pick<Runtime, 'status'>;
  readonly nodeName: string;
}

/** A pod of which no container runs is not in it. */
export function summaryOf({ usages, pods, runtime, nodeName }: Measured): Summary {
  const containers = new Map<string, ContainerStats[]>();
  for (const [id, rate] of usages.containers) {
    const { podUID, name } = parseContainerID(id);
    const startTime = rfc3339(runtime.status(id)!.startedAt);
    containers.set(podUID, [...(containers.get(podUID) ?? []), { name, startTime, ...statsOf(rate, usages.at) }]);
  }
  const measured = pods.list().flatMap((pod) => {
    const found = (containers.get(pod.metadata.uid!) ?? []).filter(({ name }) => containerSpec(pod, name));
    return found.length > 0 ? [podStats(pod, found)] : [];
  });
  return { node: { nodeName, ...(usages.node && statsOf(usages.node, usages.at)) }, pods: measured };
}

function statsOf({ cores, cpuSeconds, memoryBytes, windowMs }: Rate, at: number): Stats {
  const time = rfc3339(at);
  return {
    cpu: {
      time,
      usageNanoCores: Math.round(cores * 1e9),
      usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9),
      windowMilliseconds: windowMs,
    },
    memory: { time, workingSetBytes: memoryBytes },
  };
}

/** A pod's is the sum of its containers'. */
function podStats({ metadata, status }: Pod, containers: readonly ContainerStats[]): PodStats {
  const sum = (read: (one: Stats) => number): number => containers.reduce((all, one) => all + read(one), 0);
  const [{ cpu, memory }] = containers;
  return {
    podRef: { name: metadata.name, namespace: metadata.namespace!, uid: metadata.uid! },
    startTime: status?.startTime,
    containers,
    cpu: {
      ...cpu,
      usageNanoCores: sum((one) => one.cpu.usageNanoCores),
      usageCoreNanoSeconds: sum((one) => one.cpu.usageCoreNanoSeconds),
    },
    memory: { ...memory, workingSetBytes: sum((one) => one.memory.workingSetBytes) },
  };
}
