// StorageClass of storage.k8s.io/v1.
import { ageOf } from '../age.ts';
import { required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { StorageClass } from '../types/storage.v1.ts';
import { oneOf } from './checks.ts';

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';

export const storageClass: Rules<StorageClass> = {
  default(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },

  validate: ({ provisioner, reclaimPolicy }) => [
    ...(provisioner ? [] : [required('provisioner')]),
    ...oneOf(reclaimPolicy, ['Delete', 'Retain'], 'reclaimPolicy'),
  ],

  cells: ({ metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion }, now) => [
    metadata.annotations?.[DEFAULT] === 'true' ? `${metadata.name} (default)` : metadata.name,
    provisioner,
    reclaimPolicy ?? 'Delete',
    volumeBindingMode ?? '<unset>',
    allowVolumeExpansion ?? false,
    ageOf(metadata.creationTimestamp, now),
  ],
};
