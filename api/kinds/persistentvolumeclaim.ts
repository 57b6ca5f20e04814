// PersistentVolumeClaim.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden } from '../field.ts';
import type { Rules } from '../kind.ts';
import { copyOf, isEqual } from '../object.ts';
import { parseQuantity, type Quantity } from '../quantity.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../types/core.v1.ts';
import { immutable } from './checks.ts';
import { accessModes } from './persistentvolume.ts';
import { validateClaimSpec } from './volume-claim.ts';

export const persistentVolumeClaim: Rules<PersistentVolumeClaim> = {
  deleteAnswersObject: true,

  default({ spec }) {
    if (spec) spec.volumeMode ??= 'Filesystem';
  },

  prepareForCreate(object) {
    object.status = { phase: 'Pending' };
    if (object.spec) normalizeSources(object.spec);
  },

  prepareForUpdate(object, old, subresource) {
    if (subresource === '' && object.spec) normalizeSources(object.spec, old.spec);
    if (subresource === 'status') object.status = { ...object.status, phase: object.status?.phase || 'Pending' };
  },

  validate: ({ spec }) => validateClaimSpec(spec ?? {}, 'spec'),

  validateUpdate(object, old, subresource) {
    if (subresource !== '' || !object.spec || !old.spec) return [];
    const errors: FieldError[] = [];
    if (!isEqual(fixedPart(object, old), fixedPart(old, old))) errors.push(forbidden('spec', UNCHANGEABLE));
    const [size, capacity] = [sizeOf(object.spec.resources?.requests), sizeOf(old.status?.capacity)];
    if (size.compare(sizeOf(old.spec.resources?.requests)) < 0 && size.compare(capacity) <= 0) {
      errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
    }
    return [...errors, ...immutable(object.spec.volumeMode, old.spec.volumeMode, 'volumeMode')];
  },

  cells: ({ metadata, spec, status }, now) => {
    const bound = Boolean(spec?.volumeName);
    return [
      metadata.name,
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
      spec?.volumeName ?? '',
      bound ? (status?.capacity?.storage ?? '0') : '',
      bound ? accessModes(status?.accessModes) : '',
      spec?.storageClassName ?? '',
      spec?.volumeAttributesClassName ?? '<unset>',
      ageOf(metadata.creationTimestamp, now),
      spec?.volumeMode ?? '<unset>',
    ];
  },
};

const SOURCE_KINDS = ['/PersistentVolumeClaim', 'snapshot.storage.k8s.io/VolumeSnapshot'];

/**
 * Two fields name what a claim begins with; the newer one may name anything, and both say the same. What the older one may not
 * name, and another namespace, which is behind a feature gate that is off, are let fall, unless they were there before.
 */
function normalizeSources(spec: PersistentVolumeClaimSpec, old?: PersistentVolumeClaimSpec): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (!old?.dataSource && !old?.dataSourceRef && spec.dataSource && !spec.dataSourceRef) {
    const { apiGroup = '', kind } = spec.dataSource;
    if (!SOURCE_KINDS.includes(`${apiGroup}/${kind}`)) delete spec.dataSource;
  }
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup !== undefined && { apiGroup }), kind, name };
  }
}

const UNCHANGEABLE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

const sizeOf = (amounts: Readonly<Record<string, unknown>> | undefined): Quantity =>
  parseQuantity(String(amounts?.storage ?? '0'));

/** Set once: the volume, and the class. A bound claim may grow and change its attributes. */
function fixedPart({ spec, status }: PersistentVolumeClaim, { spec: old }: PersistentVolumeClaim): unknown {
  const fixed = copyOf(spec!);
  if (!old?.volumeName) delete fixed.volumeName;
  if (old?.storageClassName === undefined) delete fixed.storageClassName;
  if (status?.phase !== 'Bound') return fixed;
  delete fixed.volumeAttributesClassName;
  if (fixed.resources?.requests) delete fixed.resources.requests.storage;
  return fixed;
}
