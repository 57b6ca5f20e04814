// ReplicationController.
import { ageOf } from '../age.ts';
import { invalid, required, sortedMap } from '../field.ts';
import type { Rules } from '../kind.ts';
import { labelSetSelector } from '../selectors/labels.ts';
import type { ReplicationController } from '../types/core.v1.ts';
import { nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { validateReplicaStatus } from './replica-status.ts';
import { validateForever } from './workload.ts';
import { workloadCells } from './workload-cells.ts';

export const replicationController: Rules<ReplicationController> = {
  defaultPropagation: 'Orphan',

  default({ spec, metadata }) {
    const labels = spec?.template?.metadata?.labels;
    if (!spec) return;
    spec.replicas ??= 1;
    if (labels && !Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
    if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec = {} }) {
    const errors = [
      ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...nonNegative(spec.replicas, 'spec.replicas'),
    ];
    const { selector = {}, template } = spec;
    if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
    if (!template) return [...errors, required('spec.template')];
    if (!labelSetSelector(selector).matches(template.metadata?.labels)) {
      const why = '`selector` does not match template `labels`';
      errors.push(invalid('spec.template.metadata.labels', sortedMap(template.metadata?.labels), why));
    }
    return [
      ...errors,
      ...validatePodTemplate(template, 'spec.template'),
      ...validateForever(template, 'ReplicationController', 'spec.template'),
    ];
  },

  validateUpdate: ({ status }, _old, subresource) =>
    subresource === 'status' ? validateReplicaStatus(status ?? { replicas: 0 }) : [],

  fields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    ageOf(metadata.creationTimestamp, now),
    ...workloadCells(spec?.template?.spec, { matchLabels: spec?.selector }),
  ],
};
