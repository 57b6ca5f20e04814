// What an update of the status, or of another subresource, leaves alone of some kinds besides the spec: metadata that a user may
// write (k8s.io/apimachinery v0.36 pkg/apis/meta/v1/helpers.go).
import type { KubeObject } from '../object.ts';

type Written = 'annotations' | 'finalizers' | 'labels' | 'ownerReferences';

const ALL: readonly Written[] = ['labels', 'annotations', 'finalizers', 'ownerReferences'];

export function keepMetadata(
  { metadata }: KubeObject,
  { metadata: old }: KubeObject,
  fields: readonly Written[] = ALL,
): void {
  for (const field of fields) {
    if (old[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: old[field] });
  }
}
