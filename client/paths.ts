// Where a resource's objects live below the server's URL, and how selections are written into queries.
import type { KubeObject } from '../api/object.ts';
import type { Resource, Selection } from './client.ts';

/** `/api/v1/namespaces/NS/pods`, `/apis/apps/v1/deployments` (all namespaces), … */
export function collectionPath<T extends KubeObject>(resource: Resource<T>, namespace?: string): string {
  const { group, version, plural, namespaced } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespaced && namespace
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`
    : `${root}/${plural}`;
}

/** The path of one object, or of one of its subresources. */
export function objectPath<T extends KubeObject>(
  resource: Resource<T>,
  at: { name: string; namespace?: string },
  subresource?: string,
): string {
  if (!at.name) throw new TypeError(`a ${resource.kind} without a name has no path`);
  if (resource.namespaced && !at.namespace) throw new TypeError(`${resource.kind} ${at.name} has no namespace`);
  const path = `${collectionPath(resource, at.namespace)}/${encodeURIComponent(at.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

/** `?a=1&b=2` of the entries that have a value; '' of none. */
export function queryOf(entries: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(entries)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text && `?${text}`;
}

export function selectors({ labelSelector, fieldSelector }: Selection): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}
