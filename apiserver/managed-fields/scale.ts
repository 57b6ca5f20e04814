// A Scale shows one field of its workload: who owns `spec.replicas` there owns it here, and the other way round
// (k8s.io/apimachinery v0.36 pkg/util/managedfields/scalehandler.go).
import { type Entry, isSame, sorted } from './entries.ts';
import { difference, type FieldSet, has, leaf } from './field-set.ts';

export const SCALE_VERSION = 'autoscaling/v1';

const REPLICAS: FieldSet = { 'f:spec': { 'f:replicas': leaf() } };

function ownsReplicas({ fieldsV1 }: Entry): boolean {
  return has(fieldsV1, ['f:spec', 'f:replicas']);
}

/** The owners of the workload's replicas, as owners of the Scale's. */
export function toScale(parent: readonly Entry[]): readonly Entry[] {
  return sorted(
    parent.filter(ownsReplicas).map((entry) => ({ ...entry, apiVersion: SCALE_VERSION, fieldsV1: REPLICAS })),
  );
}

/** The workload's entries once the Scale's are `scale`; `version` is the workload's. A new owner's entry has no time. */
export function toParent(parent: readonly Entry[], scale: readonly Entry[], version: string): readonly Entry[] {
  const left: Entry[] = [];
  for (const entry of parent) {
    const remains = scale.some((other) => isSame(asScale(entry), other));
    const fieldsV1 = ownsReplicas(entry) && !remains ? difference(entry.fieldsV1, REPLICAS) : entry.fieldsV1;
    if (fieldsV1) left.push({ ...entry, fieldsV1 });
  }
  for (const entry of scale) {
    const was = parent.some((other) => ownsReplicas(other) && isSame(asScale(other), entry));
    if (was || !ownsReplicas(entry)) continue;
    const { time: _time, ...fresh } = entry;
    left.push({ ...fresh, apiVersion: version, fieldsV1: REPLICAS });
  }
  return sorted(left);
}

function asScale(entry: Entry): Entry {
  return { ...entry, apiVersion: SCALE_VERSION };
}
