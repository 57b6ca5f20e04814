// What the namespace an object is created in must be: there, and not on its way out
// (k8s.io/apiserver v0.36 pkg/admission/plugin/namespace/lifecycle).
import { StatusError } from '../../api/status.ts';
import type { Entry, Store } from '../storage/store.ts';
import type { Call } from './registry.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };

/** Namespaces that are never deleted. */
export const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

export function namespaceKey(name: string): string {
  return `/namespaces/${name}`;
}

/** None when there is no such namespace. */
export function namespaceLabels(store: Store, name: string): Readonly<Record<string, string>> {
  const entry = store.get(namespaceKey(name));
  return entry ? (JSON.parse(entry.value.toString()).metadata.labels ?? {}) : {};
}

const terminating = new WeakMap<Entry, boolean>();

function isTerminating(entry: Entry): boolean {
  let known = terminating.get(entry);
  if (known === undefined) {
    const { metadata, status } = JSON.parse(entry.value.toString());
    known = metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating';
    terminating.set(entry, known);
  }
  return known;
}

/** Throws 404 when the namespace does not exist and 403 when it is being deleted. */
export function checkNamespace(store: Store, { kind, namespace }: Call, objectName: string): void {
  if (!kind.namespaced) return;
  const entry = store.get(namespaceKey(namespace));
  if (!entry) throw StatusError.notFound(NAMESPACES, namespace);
  if (!isTerminating(entry)) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const error = StatusError.forbidden(kind, objectName, why);
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw new StatusError(403, 'Forbidden', error.message, { ...error.status.details, causes: [cause] });
}
