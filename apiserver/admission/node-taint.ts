// A new node takes no pods before the node lifecycle controller has seen it ready (upstream: TaintNodesByCondition).
import type { Node } from '../../api/types/core.v1.ts';
import type { Admission } from '../registry/registry.ts';

const KEY = 'node.kubernetes.io/not-ready';
const EFFECT = 'NoSchedule';

export const nodeTaint: Admission = {
  name: 'TaintNodesByCondition',
  admit(_registry, { kind, subresource }, object, old) {
    if (kind.group !== '' || kind.kind !== 'Node' || old || subresource) return;
    const node = object as unknown as Node;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === KEY && effect === EFFECT)) return;
    node.spec = { ...node.spec, taints: [...taints, { key: KEY, effect: EFFECT }] };
  },
};
