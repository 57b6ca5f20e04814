// A node as the scheduler sees it: with the pods that run there, and those it has just decided to put there.
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { type Amounts, add, allocatableOf, requestsOf } from './requests.ts';

export interface NodeView {
  readonly node: Node;
  /** Bound or assumed, and not finished. */
  readonly pods: readonly Pod[];
  readonly allocatable: Amounts;
  readonly requested: Amounts;
}

export function nodeView(node: Node, pods: readonly Pod[]): NodeView {
  const requested: Amounts = new Map();
  for (const pod of pods) add(requested, requestsOf(pod));
  return { node, pods, allocatable: allocatableOf(node), requested };
}
