// ReplicaSet of apps/v1.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { ReplicaSet } from '../types/apps.v1.ts';
import { immutable, nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { validateReplicaStatus } from './replica-status.ts';
import { validateReplicated, validateSelector } from './workload.ts';
import { workloadCells } from './workload-cells.ts';

export const replicaSet: Rules<ReplicaSet> = {
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec, status }) {
    if (!spec) return [];
    return [
      ...nonNegative(spec.replicas, 'spec.replicas'),
      ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...validateSelector(spec.selector),
      ...validateReplicated(spec.template, spec.selector),
      ...validateReplicaStatus(status ?? { replicas: 0 }),
    ];
  },

  validateUpdate: (object, old, subresource) =>
    subresource === '' ? immutable(object.spec?.selector, old.spec?.selector, 'spec.selector') : [],

  fields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),

  cells({ metadata, spec, status }, now) {
    return [
      metadata.name,
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      ageOf(metadata.creationTimestamp, now),
      ...workloadCells(spec?.template?.spec, spec?.selector),
    ];
  },
};
