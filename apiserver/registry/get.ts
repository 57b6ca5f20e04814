// GET of one object: answered from memory with the stored bytes.
import type { Kind } from '../../api/kind.ts';
import { StatusError } from '../../api/status.ts';
import type { Entry } from '../storage/store.ts';
import { keyFor } from './codec.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { objectVersion, tooLarge } from './versions.ts';

export async function get(registry: Registry, call: Call): Promise<Answer> {
  const asked = objectVersion(call.query.get('resourceVersion'));
  // Every read is of the newest state, so "not older than" holds unless the version is from the future.
  if (asked > registry.store.revision) throw tooLarge(asked, registry.store.revision);
  return { type: 'stored', status: 200, value: mustGet(registry, call.kind, call.namespace, call.name).value };
}

/** The stored entry of an object. Throws 404. */
export function mustGet(registry: Pick<Registry, 'store'>, kind: Kind, namespace: string, name: string): Entry {
  const entry = registry.store.get(keyFor(kind, namespace, name));
  if (!entry) throw StatusError.notFound(kind, name);
  return entry;
}
