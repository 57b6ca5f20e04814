// StatefulSet of apps/v1.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, invalid, required, sortedMap } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from '../types/apps.v1.ts';
import { isEmptySelector, labelSelector, nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { validateSelectedTemplate, without } from './workload.ts';
import { containerCells } from './workload-cells.ts';

const CHANGEABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

const UNCHANGEABLE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export const statefulSet: Rules<StatefulSet> = {
  default({ spec }) {
    if (!spec) return;
    spec.podManagementPolicy ??= 'OrderedReady';
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {};
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    }
    spec.persistentVolumeClaimRetentionPolicy ??= {};
    spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= 'Retain';
    spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion = 'v1';
      claim.kind = 'PersistentVolumeClaim';
      if (claim.spec) claim.spec.volumeMode ??= 'Filesystem';
      claim.status = { ...claim.status, phase: claim.status?.phase ?? 'Pending' };
    }
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: ({ spec, status }) => (spec ? [...validateSpec(spec), ...validateStatus(status)] : []),

  validateUpdate({ spec }, { spec: old }, subresource) {
    if (subresource !== '' || !spec || !old) return [];
    if (isEqual(without(spec, CHANGEABLE), without(old, CHANGEABLE))) return [];
    return [forbidden('spec', UNCHANGEABLE)];
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
    ageOf(metadata.creationTimestamp, now),
    ...containerCells(spec?.template?.spec),
  ],
};

function validateSpec(spec: StatefulSetSpec): FieldError[] {
  const errors = [
    ...validateManagementPolicy(spec.podManagementPolicy),
    ...validateStrategy(spec.updateStrategy ?? {}),
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.ordinals?.start, 'spec.ordinals.start'),
  ];
  if (!spec.selector) errors.push(required('spec.selector'));
  else {
    errors.push(...labelSelector(spec.selector, 'spec.selector'));
    if (isEmptySelector(spec.selector)) {
      errors.push(invalid('spec.selector', spec.selector, 'empty selector is invalid for statefulset'));
    }
  }
  // Without a selector nothing is selected, the template's pods included.
  if (!spec.selector) {
    const why = '`selector` does not match template `labels`';
    errors.push(invalid('spec.template.metadata.labels', sortedMap(spec.template?.metadata?.labels), why));
  }
  return [...errors, ...validateSelectedTemplate(spec.template, spec.selector)];
}

function validateManagementPolicy(policy: string | undefined): FieldError[] {
  if (policy === undefined || policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'")];
}

function validateStrategy({ type, rollingUpdate }: StatefulSetUpdateStrategy): FieldError[] {
  const field = 'spec.updateStrategy';
  if (type === 'OnDelete') {
    return rollingUpdate
      ? [invalid(`${field}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")]
      : [];
  }
  if (type !== 'RollingUpdate')
    return [
      invalid(field, { Type: type, RollingUpdate: rollingUpdate ?? null }, "must be 'RollingUpdate' or 'OnDelete'"),
    ];
  return nonNegative(rollingUpdate?.partition, `${field}.rollingUpdate.partition`);
}

function validateStatus(status: StatefulSet['status']): FieldError[] {
  const { replicas = 0, readyReplicas = 0, currentReplicas = 0, updatedReplicas = 0 } = status ?? {};
  return Object.entries({ replicas, readyReplicas, currentReplicas, updatedReplicas }).flatMap(([name, count]) => [
    ...nonNegative(count, `status.${name}`),
    ...(count > replicas ? [invalid(`status.${name}`, count, 'cannot be greater than status.replicas')] : []),
  ]);
}
