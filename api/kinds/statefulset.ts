// StatefulSet of apps/v1.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import { isEqual } from '../object.ts';
import { dns1123LabelErrors } from '../selectors/syntax.ts';
import type {
  StatefulSet,
  StatefulSetPersistentVolumeClaimRetentionPolicy,
  StatefulSetSpec,
  StatefulSetUpdateStrategy,
} from '../types/apps.v1.ts';
import type { PersistentVolumeClaim, Volume } from '../types/core.v1.ts';
import { atMostAll, intOrPercent, isEmptySelector, isZero, labelSelector, named, nonNegative } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { among, type Check, maybe, structOf, unlessEmpty } from './rule-table.ts';
import { validateClaimSpec } from './volume-claim.ts';
import { isReadable, validateForever, validateSelected, without } from './workload.ts';
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

  prepareForCreate(object) {
    dropUnavailable(object);
    startGeneration(object);
  },

  prepareForUpdate(object, old) {
    if (old.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) dropUnavailable(object);
    countGeneration(object, old);
  },

  validate: ({ spec, status }, old) => (spec ? [...validateSpec(spec, old), ...validateStatus(status)] : []),

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

/** Behind a feature gate that is off. */
function dropUnavailable({ spec }: StatefulSet): void {
  delete spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
}

function validateSpec(spec: StatefulSetSpec, old: StatefulSet | undefined): FieldError[] {
  const errors = [
    ...validateManagementPolicy(spec.podManagementPolicy),
    ...validateStrategy(spec.updateStrategy ?? {}),
    ...retention(spec.persistentVolumeClaimRetentionPolicy, 'spec.persistentVolumeClaimRetentionPolicy'),
    ...(old ? [] : validateClaims(spec.volumeClaimTemplates ?? [])),
    ...nonNegative(spec.replicas, 'spec.replicas'),
    ...nonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...nonNegative(spec.ordinals?.start, 'spec.ordinals.start'),
    // Neither can change: what is there already may stay wrong.
    ...(old ? [] : unlessEmpty(serviceName)(spec.serviceName, 'spec.serviceName')),
  ];
  if (!spec.selector) errors.push(required('spec.selector'));
  else {
    errors.push(...labelSelector(spec.selector, 'spec.selector'));
    if (isEmptySelector(spec.selector)) {
      errors.push(invalid('spec.selector', spec.selector, 'empty selector is invalid for statefulset'));
    }
  }
  if (isReadable(spec.selector)) errors.push(...validateTemplate(spec, 'spec.template'));
  else errors.push(invalid('spec.selector', spec.selector, ''));
  return [...errors, ...validateForever(spec.template, 'StatefulSet', 'spec.template')];
}

const serviceName: Check<string> = (name, field) => named(dns1123LabelErrors, name, field);
const retained = maybe(among('Retain', 'Delete'));
const retention = maybe(
  structOf<StatefulSetPersistentVolumeClaimRetentionPolicy>({ whenDeleted: retained, whenScaled: retained }),
);

function validateClaims(claims: readonly PersistentVolumeClaim[]): FieldError[] {
  return claims.flatMap(({ spec = {} }, i) => validateClaimSpec(spec, `spec.volumeClaimTemplates[${i}].spec`));
}

/** The pods as they will be: their names are the set's, and each claim is a volume. Labels are looked at twice. */
function validateTemplate(
  { template, selector, volumeClaimTemplates = [] }: StatefulSetSpec,
  field: string,
): FieldError[] {
  const errors = validateSelected(template?.metadata?.labels, selector, field);
  const claims = [...new Set(volumeClaimTemplates.map(({ metadata: { name } }) => name))];
  const volumes = [
    ...claims.map((name): Volume => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(template?.spec?.volumes ?? []).filter(({ name }) => !claims.includes(name)),
  ];
  const spec = { ...(template?.spec ?? { containers: [] }), volumes };
  delete spec.hostname;
  delete spec.subdomain;
  return [
    ...errors,
    ...validatePodTemplate({ ...template, spec }, field),
    ...validateLabels(template?.metadata?.labels, `${field}.labels`),
    ...validateAnnotations(template?.metadata?.annotations, `${field}.annotations`),
  ];
}

/** As Go prints the struct. */
function quoted(update: StatefulSetUpdateStrategy['rollingUpdate']): unknown {
  return update ? { Partition: update.partition ?? 0, MaxUnavailable: update.maxUnavailable ?? null } : null;
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
      invalid(field, { Type: type, RollingUpdate: quoted(rollingUpdate) }, "must be 'RollingUpdate' or 'OnDelete'"),
    ];
  const { partition, maxUnavailable } = rollingUpdate ?? {};
  const at = `${field}.rollingUpdate.maxUnavailable`;
  return [
    ...nonNegative(partition, `${field}.rollingUpdate.partition`),
    ...intOrPercent(maxUnavailable, at),
    ...(maxUnavailable !== undefined && isZero(maxUnavailable) ? [invalid(at, maxUnavailable, 'cannot be 0')] : []),
    ...atMostAll(maxUnavailable, at),
  ];
}

const COUNTS = ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const;

function validateStatus(status: StatefulSet['status']): FieldError[] {
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0, observedGeneration, collisionCount } = status ?? {};
  const errors = COUNTS.flatMap((name) => nonNegative(status?.[name], `status.${name}`));
  errors.push(...nonNegative(observedGeneration, 'status.observedGeneration'));
  errors.push(...nonNegative(collisionCount, 'status.collisionCount'));
  for (const name of COUNTS) {
    const count = status?.[name] ?? 0;
    if (count > replicas) errors.push(invalid(`status.${name}`, count, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas <= readyReplicas) return errors;
  const why = 'cannot be greater than status.readyReplicas';
  return [...errors, invalid('status.availableReplicas', availableReplicas, why)];
}
