// The taints by which a node's conditions keep pods away (upstream pkg/controller/nodelifecycle/node_lifecycle_controller.go).
import type { Node, Taint } from '../api/types/core.v1.ts';

type Effect = Taint['effect'];

interface Rule {
  readonly key: string;
  readonly effects: readonly Effect[];
  applies(node: Node): boolean;
}

const condition =
  (type: string, status: string) =>
  ({ status: { conditions = [] } = {} }: Node): boolean =>
    conditions.some((one) => one.type === type && one.status === status);

/** A node that never said anything is as unreachable as one that stopped. */
const isReadyUnknown = (node: Node): boolean =>
  condition('Ready', 'Unknown')(node) || !node.status?.conditions?.some(({ type }) => type === 'Ready');

// biome-ignore format: one row per taint reads as a table
const RULES: readonly Rule[] = [
  { key: 'node.kubernetes.io/not-ready', effects: ['NoSchedule', 'NoExecute'], applies: condition('Ready', 'False') },
  { key: 'node.kubernetes.io/unreachable', effects: ['NoSchedule', 'NoExecute'], applies: condition('Ready', 'Unknown') },
  { key: 'node.kubernetes.io/memory-pressure', effects: ['NoSchedule'], applies: condition('MemoryPressure', 'True') },
  { key: 'node.kubernetes.io/disk-pressure', effects: ['NoSchedule'], applies: condition('DiskPressure', 'True') },
  { key: 'node.kubernetes.io/pid-pressure', effects: ['NoSchedule'], applies: condition('PIDPressure', 'True') },
  { key: 'node.kubernetes.io/network-unavailable', effects: ['NoSchedule'], applies: condition('NetworkUnavailable', 'True') },
  { key: 'node.kubernetes.io/unschedulable', effects: ['NoSchedule'], applies: ({ spec }) => spec?.unschedulable ?? false },
];

/** The node's own taints, with ours as they should be. `now` is when new ones start. */
export function wantedTaints(node: Node, now: string): Taint[] {
  const current = node.spec?.taints ?? [];
  const found = (key: string, effect: Effect): Taint | undefined =>
    current.find((taint) => taint.key === key && taint.effect === effect);
  const ours = RULES.flatMap(({ key, effects, applies }) =>
    applies(node) || isRegistering(node, key)
      ? effects
          .filter((effect) => applies(node) || found(key, effect))
          .map((effect) => found(key, effect) ?? { key, effect, timeAdded: now })
      : [],
  );
  const others = current.filter(
    ({ key, effect }) => !RULES.some((rule) => rule.key === key && rule.effects.includes(effect)),
  );
  return [...others, ...ours];
}

/** Admission taints a new node not-ready; that stays until the node has said what it is. */
function isRegistering(node: Node, key: string): boolean {
  return key === 'node.kubernetes.io/not-ready' && isReadyUnknown(node) && !condition('Ready', 'Unknown')(node);
}
