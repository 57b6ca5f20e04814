// Namespaces that the cluster cannot be without are never deleted (upstream: NamespaceLifecycle). That new objects need a
// living namespace is checked in registry/namespace.ts, before an object gets its identity.
import { StatusError } from '../../api/status.ts';
import { IMMORTAL } from '../registry/namespace.ts';
import type { Admission } from '../registry/registry.ts';

export const namespaceLifecycle: Admission = {
  name: 'NamespaceLifecycle',
  admitDelete(_registry, { kind, name }) {
    if (kind.group !== '' || kind.kind !== 'Namespace' || !IMMORTAL.has(name)) return;
    throw StatusError.forbidden(kind, name, 'this namespace may not be deleted');
  },
};
