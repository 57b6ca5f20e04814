// Which of the nodes that could take a pod is best: first what the pod prefers, then where fewest of its kind are, then
// where most is free. Ties go by name, so that the same cluster always gives the same answer.
import { controllerOf } from '../../api/object.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import { preferenceFor } from './affinity.ts';
import { tolerates } from './filters.ts';
import type { NodeView } from './node-view.ts';

/** `views` has at least one element. */
export function bestOf(pod: Pod, views: readonly NodeView[]): NodeView {
  const owner = controllerOf(pod)?.uid;
  const ranked = views.map((view) => ({ view, rank: rankOf(pod, owner, view) }));
  return ranked.reduce((best, one) => (compare(one.rank, best.rank) < 0 ? one : best)).view;
}

function rankOf(pod: Pod, owner: string | undefined, view: NodeView): (number | string)[] {
  const { node, pods } = view;
  const unwanted = (node.spec?.taints ?? []).filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !tolerates(pod, taint),
  ).length;
  const siblings = owner ? pods.filter((other) => controllerOf(other)?.uid === owner && !gone(other)).length : 0;
  return [unwanted, -preferenceFor(pod, node), siblings, load(view), pods.length, node.metadata.name];
}

const gone = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

/** The most loaded of CPU and memory, in tenths: small differences don't outweigh the number of pods. */
function load({ allocatable, requested }: NodeView): number {
  const share = (name: string): number =>
    (requested.get(name) ?? 0) / (allocatable.get(name) || Number.POSITIVE_INFINITY);
  return Math.round(Math.max(share('cpu'), share('memory')) * 10);
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const i = a.findIndex((value, at) => value !== b[at]);
  if (i < 0) return 0;
  return a[i] < b[i] ? -1 : 1;
}
