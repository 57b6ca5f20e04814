// Spreading pods over nodes and zones (upstream pkg/scheduler/framework/plugins/podtopologyspread).
import { labelSelectorOf } from '../../api/selectors/labels.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import { matchesNode } from './affinity.ts';
import type { NodeView } from './node-view.ts';

/** Whether no `DoNotSchedule` constraint of the pod would be exceeded by putting it on `view`. */
export function spreads(pod: Pod, view: NodeView, all: readonly NodeView[]): boolean {
  const hard = (pod.spec?.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === 'DoNotSchedule');
  return hard.every(({ topologyKey, labelSelector, maxSkew }) => {
    const here = view.node.metadata.labels?.[topologyKey];
    if (here === undefined) return false;
    const selector = labelSelectorOf(labelSelector);
    const counts = new Map<string, number>();
    for (const { node, pods } of all) {
      const domain = node.metadata.labels?.[topologyKey];
      if (domain === undefined || !matchesNode(pod, node)) continue;
      const count = pods.filter(
        ({ metadata }) =>
          metadata.namespace === pod.metadata.namespace &&
          !metadata.deletionTimestamp &&
          selector.matches(metadata.labels),
      ).length;
      counts.set(domain, (counts.get(domain) ?? 0) + count);
    }
    const self = selector.matches(pod.metadata.labels) ? 1 : 0;
    return (counts.get(here) ?? 0) + self - Math.min(...counts.values()) <= maxSkew;
  });
}
