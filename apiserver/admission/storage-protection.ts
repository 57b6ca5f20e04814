// Volumes, claims and their classes are kept while they are in use: a controller takes the finalizer away when nobody needs them any
// more (upstream: StorageObjectInUseProtection).
import type { Admission } from '../registry/registry.ts';

/** By `group/kind`. */
const FINALIZERS: ReadonlyMap<string, string> = new Map([
  ['/PersistentVolume', 'kubernetes.io/pv-protection'],
  ['/PersistentVolumeClaim', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io/VolumeAttributesClass', 'kubernetes.io/vac-protection'],
]);

export const storageProtection: Admission = {
  name: 'StorageObjectInUseProtection',
  admit(_registry, { kind, subresource }, { metadata }, old) {
    if (old || subresource) return;
    const finalizer = FINALIZERS.get(`${kind.group}/${kind.kind}`);
    const { finalizers = [] } = metadata;
    if (finalizer && !finalizers.includes(finalizer)) metadata.finalizers = [...finalizers, finalizer];
  },
};
