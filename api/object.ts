// The shape every Kubernetes object shares, and the names by which objects and resources are spoken of.
import type { ListMeta, ObjectMeta, OwnerReference } from './types/meta.v1.ts';

export type { ListMeta, ObjectMeta, OwnerReference };

/** Any object of the API: what it is (kind, apiVersion), who it is (metadata), and whatever its kind adds. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** An object whose kind's fields are not known to the compiler. */
export type AnyObject = KubeObject & { [field: string]: unknown };

export interface KubeList<T extends KubeObject = AnyObject> {
  apiVersion?: string;
  kind?: string;
  metadata: ListMeta;
  items: T[];
}

/** `apps` + `v1` → `apps/v1`; the core group has no name: `` + `v1` → `v1`. */
export function apiVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `apps/v1` → {group: 'apps', version: 'v1'}; `v1` → {group: '', version: 'v1'}. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** The key of an object in a cache or a work queue: `namespace/name`, or `name` for a cluster-scoped one. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The owner reference with `controller: true`: the one that manages this object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller);
}
