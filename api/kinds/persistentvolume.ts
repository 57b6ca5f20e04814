// PersistentVolume.
import { ageOf } from '../age.ts';
import { type FieldError, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { PersistentVolume } from '../types/core.v1.ts';
import { oneOf } from './checks.ts';

export const persistentVolume: Rules<PersistentVolume> = {
  default({ spec }) {
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
  },

  prepareForCreate(object) {
    object.status = { phase: 'Pending' };
  },

  validate({ spec }) {
    const errors: FieldError[] = [];
    if (!spec?.accessModes?.length) errors.push(required('spec.accessModes'));
    if (!Object.keys(spec?.capacity ?? {}).length) errors.push(required('spec.capacity'));
    return [
      ...errors,
      ...oneOf(
        spec?.persistentVolumeReclaimPolicy,
        ['Delete', 'Recycle', 'Retain'],
        'spec.persistentVolumeReclaimPolicy',
      ),
    ];
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    spec?.capacity?.storage ?? '',
    accessModes(spec?.accessModes),
    spec?.persistentVolumeReclaimPolicy ?? '',
    metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''),
    spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '',
    spec?.storageClassName ?? '',
    spec?.volumeAttributesClassName ?? '<unset>',
    status?.reason ?? '',
    ageOf(metadata.creationTimestamp, now),
    spec?.volumeMode ?? '<unset>',
  ],
};

const SHORT: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** `RWO,ROX`: each once, in a fixed order. */
export function accessModes(modes: readonly string[] | undefined): string {
  return Object.keys(SHORT)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => SHORT[mode])
    .join(',');
}
