// A pod gets what its RuntimeClass says: what running it costs besides, and where it may run (upstream: RuntimeClass).
import { parseQuantity } from '../../api/quantity.ts';
import { StatusError } from '../../api/status.ts';
import type { Pod, PodSpec, Toleration } from '../../api/types/core.v1.ts';
import type { RuntimeClass } from '../../api/types/node.v1.ts';
import type { Admission, Registry } from '../registry/registry.ts';

const PREFIX = 'node.k8s.io/runtimeclasses/';

type Quantities = NonNullable<PodSpec['overhead']>;

export const runtimeClass: Admission = {
  name: 'RuntimeClass',
  admit(registry, { kind, subresource }, object, old) {
    if (kind.group !== '' || kind.kind !== 'Pod' || old || subresource) return;
    const { spec, metadata } = object as unknown as Pod;
    if (!spec) return;
    const problem = shape(spec, spec.runtimeClassName, registry);
    if (problem) throw StatusError.forbidden(kind, metadata.name, problem);
  },
};

/** Changes `spec` in place; returns why it cannot be. */
function shape(spec: PodSpec, name: string | undefined, { store }: Registry): string | undefined {
  const entry = name === undefined ? undefined : store.get(PREFIX + name);
  if (name !== undefined && !entry) return `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`;
  const found = entry && (JSON.parse(entry.value.toString()) as RuntimeClass);
  const overhead = found?.overhead?.podFixed;
  if (spec.overhead && !overhead)
    return 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
  if (spec.overhead && overhead && !isSame(spec.overhead, overhead))
    return "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
  if (overhead) spec.overhead = { ...overhead };
  return found?.scheduling && place(spec, found.scheduling);
}

function isSame(left: Quantities, right: Quantities): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every(
    (name) =>
      right[name] !== undefined && parseQuantity(String(left[name])).compare(parseQuantity(String(right[name]))) === 0,
  );
}

function place(
  spec: PodSpec,
  { nodeSelector = {}, tolerations = [] }: NonNullable<RuntimeClass['scheduling']>,
): string | undefined {
  const own = spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(nodeSelector)) {
    if (own[key] === undefined || own[key] === value) continue;
    return `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own[key]}`;
  }
  if (Object.keys(nodeSelector).length > 0) spec.nodeSelector = { ...own, ...nodeSelector };
  if (tolerations.length > 0) spec.tolerations = merged([...(spec.tolerations ?? []), ...tolerations]);
  return undefined;
}

/** Without those that another one covers; of two that cover each other the first stays. */
function merged(all: readonly Toleration[]): Toleration[] {
  return all.filter(
    (one, at) => !all.some((other, i) => i !== at && covers(other, one) && (i < at || !covers(one, other))),
  );
}

const FIELDS = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'] as const;

/** Whether whatever `small` tolerates, `large` does; an operator left out is not taken for Equal (upstream: isSuperset of pkg/util/tolerations). */
function covers(large: Toleration, small: Toleration): boolean {
  if (FIELDS.every((field) => large[field] === small[field])) return true;
  const isForAll = !large.key && large.operator === 'Exists';
  if (small.key !== large.key && !isForAll) return false;
  if (large.effect && small.effect !== large.effect) return false;
  if (large.effect === 'NoExecute' && large.tolerationSeconds !== undefined) {
    if (small.tolerationSeconds === undefined || small.tolerationSeconds > large.tolerationSeconds) return false;
  }
  if (large.operator === 'Exists') return true;
  return small.operator === 'Equal' && (small.value ?? '') === (large.value ?? '');
}
