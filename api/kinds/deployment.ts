// Deployment of apps/v1.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, invalid, notSupported } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { Deployment, DeploymentStrategy } from '../types/apps.v1.ts';
import { atMostAll, immutable, intOrPercent, isZero, nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { keepMetadata } from './status-update.ts';
import { validateReplicated, validateSelector } from './workload.ts';
import { workloadCells } from './workload-cells.ts';

export const deployment: Rules<Deployment> = {
  default({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    spec.strategy ??= {};
    defaultStrategy(spec.strategy);
    if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old, ['labels']);
    countGeneration(object, old);
    // Of all kinds, Deployment's annotations count too (upstream: registry/apps/deployment/strategy.go).
    if (subresource !== '' || isEqual(object.metadata.annotations ?? {}, old.metadata.annotations ?? {})) return;
    object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },

  validate({ spec, status }) {
    if (!spec) return [];
    return [
      ...nonNegative(spec.replicas, 'spec.replicas'),
      ...validateSelector(spec.selector),
      ...validateReplicated(spec.template, spec.selector),
      ...validateStrategy(spec.strategy ?? {}, 'spec.strategy'),
      ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
      ...nonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
      ...nonNegative(spec.progressDeadlineSeconds, 'spec.progressDeadlineSeconds'),
      ...validateDeadline(spec.progressDeadlineSeconds, spec.minReadySeconds ?? 0),
      ...validateStatus(status ?? {}),
    ];
  },

  validateUpdate: (object, old, subresource) =>
    subresource === '' ? immutable(object.spec?.selector, old.spec?.selector, 'spec.selector') : [],

  cells({ metadata, spec, status = {} }, now) {
    return [
      metadata.name,
      `${status.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status.updatedReplicas ?? 0,
      status.availableReplicas ?? 0,
      ageOf(metadata.creationTimestamp, now),
      ...workloadCells(spec?.template?.spec, spec?.selector),
    ];
  },
};

function defaultStrategy(strategy: DeploymentStrategy): void {
  strategy.type ??= 'RollingUpdate';
  if (strategy.type !== 'RollingUpdate') return;
  strategy.rollingUpdate ??= {};
  strategy.rollingUpdate.maxUnavailable ??= '25%';
  strategy.rollingUpdate.maxSurge ??= '25%';
}

function validateStrategy({ type, rollingUpdate }: DeploymentStrategy, field: string): FieldError[] {
  if (type === 'Recreate') {
    if (!rollingUpdate) return [];
    return [forbidden(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (type !== 'RollingUpdate') {
    const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
    const update = rollingUpdate ? { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge } : null;
    return [notSupported(field, { Type: type, RollingUpdate: update }, ['Recreate', 'RollingUpdate'])];
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
  const errors = [
    ...intOrPercent(maxUnavailable, `${field}.rollingUpdate.maxUnavailable`),
    ...intOrPercent(maxSurge, `${field}.rollingUpdate.maxSurge`),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalid(`${field}.rollingUpdate.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...errors, ...atMostAll(maxUnavailable, `${field}.rollingUpdate.maxUnavailable`)];
}

function validateDeadline(deadline: number | undefined, minReady: number): FieldError[] {
  if (deadline === undefined || deadline > minReady) return [];
  return [invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')];
}

const COUNTS = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
] as const;

function validateStatus(status: NonNullable<Deployment['status']>): FieldError[] {
  const errors = COUNTS.flatMap((count) => nonNegative(status[count], `status.${count}`));
  const { replicas = 0, updatedReplicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const greater = 'cannot be greater than status.replicas';
  if (updatedReplicas > replicas) errors.push(invalid('status.updatedReplicas', updatedReplicas, greater));
  if (readyReplicas > replicas) errors.push(invalid('status.readyReplicas', readyReplicas, greater));
  if (availableReplicas > replicas) errors.push(invalid('status.availableReplicas', availableReplicas, greater));
  if (availableReplicas > readyReplicas) {
    errors.push(invalid('status.availableReplicas', availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return errors;
}
