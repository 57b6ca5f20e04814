// A pod's priority is that of its class, else of the default class, else 0 (upstream: Priority).
import { StatusError } from '../../api/status.ts';
import type { Pod } from '../../api/types/core.v1.ts';
import type { PriorityClass } from '../../api/types/scheduling.v1.ts';
import type { Admission, Registry } from '../registry/registry.ts';

const PREFIX = 'scheduling.k8s.io/priorityclasses/';

export const priority: Admission = {
  name: 'Priority',
  async admit(registry, { kind, subresource }, object, old) {
    if (kind.group !== '' || kind.kind !== 'Pod' || old || subresource) return;
    const { spec, metadata } = object as unknown as Pod;
    if (!spec) return;
    const chosen = spec.priorityClassName
      ? named(registry, kind, metadata.name, spec.priorityClassName)
      : await globalDefault(registry);
    if (chosen && !spec.priorityClassName) spec.priorityClassName = chosen.metadata.name;
    const value = chosen?.value ?? 0;
    if (spec.priority !== undefined && spec.priority !== value) {
      const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
      throw StatusError.forbidden(kind, metadata.name, why);
    }
    spec.priority = value;
    const policy = chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
      const why = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`;
      throw StatusError.forbidden(kind, metadata.name, why);
    }
    spec.preemptionPolicy = policy;
  },
};

function named(registry: Registry, kind: { group: string; plural: string }, pod: string, name: string): PriorityClass {
  const entry = registry.store.get(PREFIX + name);
  if (!entry) throw StatusError.forbidden(kind, pod, `no PriorityClass with name ${name} was found`);
  return JSON.parse(entry.value.toString()) as PriorityClass;
}

async function globalDefault({ store }: Registry): Promise<PriorityClass | undefined> {
  const { entries } = await store.list(PREFIX);
  const classes = entries
    .filter(({ value }) => value.includes('"globalDefault":true'))
    .map(({ value }) => JSON.parse(value.toString()) as PriorityClass)
    .filter((one) => one.globalDefault);
  return classes.sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}
