// PersistentVolumeClaim.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { PersistentVolumeClaim } from '../types/core.v1.ts';
import { accessModes } from './persistentvolume.ts';
import { without } from './workload.ts';

export const persistentVolumeClaim: Rules<PersistentVolumeClaim> = {
  deleteAnswersObject: true,

  default({ spec }) {
    if (spec) spec.volumeMode ??= 'Filesystem';
  },

  prepareForCreate(object) {
    object.status = { phase: 'Pending' };
  },

  validate({ spec }) {
    const errors: FieldError[] = [];
    if (!spec?.accessModes?.length) errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
    if (spec?.resources?.requests?.storage === undefined) errors.push(required('spec.resources[storage]'));
    return errors;
  },

  validateUpdate({ spec }, { spec: old }, subresource) {
    if (subresource !== '' || !spec || !old) return [];
    const changeable = [
      'resources',
      'volumeAttributesClassName',
      ...(old.volumeName ? [] : (['volumeName'] as const)),
    ] as const;
    if (isEqual(without(spec, changeable), without(old, changeable))) return [];
    const why =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    return [forbidden('spec', why)];
  },

  cells: ({ metadata, spec, status }, now) => {
    const bound = Boolean(spec?.volumeName);
    return [
      metadata.name,
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
      spec?.volumeName ?? '',
      bound ? (status?.capacity?.storage ?? '') : '',
      bound ? accessModes(status?.accessModes) : '',
      spec?.storageClassName ?? '',
      spec?.volumeAttributesClassName ?? '<unset>',
      ageOf(metadata.creationTimestamp, now),
      spec?.volumeMode ?? '<unset>',
    ];
  },
};
