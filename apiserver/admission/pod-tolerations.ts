// A pod stays 300 s on a node that is not ready or unreachable, unless it says otherwise (upstream: DefaultTolerationSeconds).
import type { Pod, Toleration } from '../../api/types/core.v1.ts';
import type { Admission } from '../registry/registry.ts';

const SECONDS = 300;
const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export const podTolerations: Admission = {
  name: 'DefaultTolerationSeconds',
  admit(_registry, { kind, subresource }, object) {
    if (kind.group !== '' || kind.kind !== 'Pod' || subresource) return;
    const { spec } = object as unknown as Pod;
    if (!spec) return;
    const tolerations = spec.tolerations ?? [];
    const missing = KEYS.filter((key) => !tolerations.some((toleration) => tolerates(toleration, key)));
    if (missing.length === 0) return;
    spec.tolerations = [
      ...tolerations,
      ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS })),
    ] as Toleration[];
  },
};

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  return (key === taint || !key) && (effect === 'NoExecute' || !effect);
}
