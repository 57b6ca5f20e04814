// PersistentVolume.
import { ageOf } from '../age.ts';
import { forbidden } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { PersistentVolume, PersistentVolumeSpec } from '../types/core.v1.ts';
import { immutable } from './checks.ts';
import { validateVolumeSpec } from './persistentvolume-validation.ts';
import { without } from './workload.ts';

export const persistentVolume: Rules<PersistentVolume> = {
  deleteAnswersObject: true,

  default({ spec, status }) {
    if (status) status.phase ||= 'Pending';
    if (!spec) return;
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
  },

  prepareForCreate(object, { now }) {
    object.status = { phase: 'Pending', lastPhaseTransitionTime: now };
  },

  prepareForUpdate(object, { status: old = {} }, subresource, { now }) {
    if (subresource !== 'status') return;
    object.status ??= {};
    const { status } = object;
    status.phase ||= 'Pending';
    const isStale = !status.lastPhaseTransitionTime || status.lastPhaseTransitionTime === old.lastPhaseTransitionTime;
    if (status.phase !== old.phase && isStale) status.lastPhaseTransitionTime = now;
    else if (isStale && old.lastPhaseTransitionTime) status.lastPhaseTransitionTime = old.lastPhaseTransitionTime;
  },

  validate: ({ spec }) => validateVolumeSpec(spec ?? {}, 'spec'),

  validateUpdate({ spec = {} }, { spec: old = {} }, subresource) {
    if (subresource !== '') return [];
    // Upstream looks twice, and says so.
    const errors = validateVolumeSpec(spec, 'spec');
    if (!isEqual(storageOf(spec, old), storageOf(old, old))) {
      errors.push(forbidden('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
    }
    errors.push(...immutable(spec.volumeMode, old.volumeMode, 'volumeMode'));
    if (old.nodeAffinity) errors.push(...immutable(spec.nodeAffinity, old.nodeAffinity, 'nodeAffinity'));
    if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
      errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
    }
    return errors;
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

/** The storage alone: what stands beside it may change. A secret for growing may be added later. */
function storageOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): unknown {
  const storage = without(spec, BESIDE);
  if (storage.csi && !old.csi?.controllerExpandSecretRef)
    storage.csi = without(storage.csi, ['controllerExpandSecretRef']);
  return storage;
}

const BESIDE = [
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
] as const;

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
