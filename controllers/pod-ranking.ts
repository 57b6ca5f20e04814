// Which pods go first when there are too many (upstream pkg/controller/controller_utils.go, ActivePodsWithRanks).
import type { Pod } from '../api/types/core.v1.ts';
import { isPodReady, podCondition } from './pods.ts';

const PHASES = ['Pending', 'Unknown', 'Running'];
const COST = 'controller.kubernetes.io/pod-deletion-cost';

/** The `count` pods to delete first. `related` are all pods that do the same work, by which crowded nodes are told. */
export function podsToDelete(active: readonly Pod[], related: readonly Pod[], count: number): Pod[] {
  const crowd = new Map<string, number>();
  for (const { spec } of related) {
    const node = spec?.nodeName;
    if (node) crowd.set(node, (crowd.get(node) ?? 0) + 1);
  }
  const rankOf = (pod: Pod): (number | string)[] => [
    pod.spec?.nodeName ? 1 : 0,
    PHASES.indexOf(pod.status?.phase ?? 'Pending'),
    isPodReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.[COST] ?? 0),
    -(crowd.get(pod.spec?.nodeName ?? '') ?? 0),
    -Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '1970-01-01'),
    -Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    -Date.parse(pod.metadata.creationTimestamp ?? '1970-01-01'),
    pod.metadata.name,
  ];
  return active
    .map((pod) => ({ pod, rank: rankOf(pod) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .slice(0, count)
    .map(({ pod }) => pod);
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const i = a.findIndex((value, at) => value !== b[at]);
  if (i < 0) return 0;
  return a[i] < b[i] ? -1 : 1;
}
