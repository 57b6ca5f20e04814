// What a pod that fits nowhere is told (upstream pkg/scheduler/framework/types.go, FitError, and the preemption plugin).
import type { Pod } from '../../api/types/core.v1.ts';
import type { Refusal } from './filters.ts';

export function verdictOf(pod: Pod, refusals: readonly Refusal[]): string {
  const count = refusals.length;
  if (count === 0) return 'no nodes available to schedule pods';
  const why = histogram(refusals.flatMap(({ reasons }) => reasons));
  return `0/${count} nodes are available: ${why}. no new claims to deallocate, preemption: ${preemption(pod, refusals)}`;
}

function preemption(pod: Pod, refusals: readonly Refusal[]): string {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const outcomes = refusals.map(({ evictable }) =>
    evictable ? 'No preemption victims found for incoming pod' : 'Preemption is not helpful for scheduling',
  );
  return `0/${refusals.length} nodes are available: ${histogram(outcomes)}.`;
}

function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
