// What the verbs ask: who owns what after this request. Knows the request's manager, and every version of the request's kind.
import type { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf, copyOf, parseApiVersion } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import type { ManagedFieldsEntry } from '../../api/types/meta.v1.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Call, Registry } from '../registry/registry.ts';
import { type Entry, entriesFor, type Manager, NONE } from './entries.ts';
import { TypedError } from './path-element.ts';
import type { Versions } from './prune.ts';
import { resetFields } from './reset-fields.ts';
import { track, zeroOf } from './track.ts';

/** The manager of what the server writes of its own accord. */
export const SERVER = 'kube-apiserver';

/** Bytes of a manager's name. */
const MAX_NAME = 128;

/** `?fieldManager`, or else what the client calls itself before the first slash, as far as it can be printed. */
export function managerOf(call: Call, operation: Manager['operation'] = 'Update'): Manager {
  const { group, version } = call.kind;
  const name = call.query.get('fieldManager') || printable(call.headers['user-agent'] ?? '');
  return {
    manager: name || 'unknown',
    operation,
    apiVersion: apiVersionOf(group, version),
    subresource: call.subresource,
  };
}

function printable(userAgent: string): string {
  let name = '';
  for (const character of userAgent.split('/', 1)[0].replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '')) {
    if (Buffer.byteLength(name + character) > MAX_NAME) break;
    name += character;
  }
  return name;
}

/** The kind as another version serves it; undefined when none does. */
function kindAt(catalogue: Catalogue, kind: Kind, apiVersion: string): Kind | undefined {
  const { group, version } = parseApiVersion(apiVersion);
  if (group === kind.group && version === kind.version) return kind;
  const found = catalogue.byKind(group, version, kind.kind);
  return found?.storage === kind.storage ? found : undefined;
}

export function versionsOf(catalogue: Catalogue, kind: Kind): Versions<object> {
  return {
    schemaOf: (version) => kindAt(catalogue, kind, version)?.schema,
    convert(object, from, to) {
      if (from === to) return object;
      const [source, target] = [kindAt(catalogue, kind, from)!, kindAt(catalogue, kind, to)!];
      const copy = copyOf(object) as AnyObject;
      const stored = source.rules.toStored ? source.rules.toStored(copy) : copy;
      return target.rules.fromStored ? target.rules.fromStored(stored) : stored;
    },
  };
}

/**
 * Sets `next.metadata.managedFields` to what they are once the request's manager has made `old` into `next`; `old` is undefined for a
 * new object. An object whose fields cannot be told apart, and one that nobody tracks, has none.
 */
export function trackWrite(registry: Registry, call: Call, old: AnyObject | undefined, next: AnyObject): void {
  trackAs(registry, call, { old, next, manager: managerOf(call) });
}

export interface Write {
  readonly old: AnyObject | undefined;
  readonly next: AnyObject;
  readonly manager: Manager;
}

export function trackAs(registry: Registry, { kind, subresource }: Call, { old, next, manager }: Write): void {
  const versions = versionsOf(registry.catalogue, kind);
  const live = old?.metadata.managedFields;
  const entries = entriesFor(live, subresource === '' ? next.metadata.managedFields : live, versions.schemaOf);
  // Tracking begins with an object, or with the first apply.
  if (old && entries.length === 0) {
    delete next.metadata.managedFields;
    return;
  }
  const filter = (): ReturnType<typeof resetFields> => resetFields(kind, subresource);
  const change = { old: old ?? zeroOf(kind.schema), next, entries, version: manager.apiVersion, versions, filter };
  try {
    keep(next, track(change, manager, rfc3339(registry.clock.now())));
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    delete next.metadata.managedFields;
  }
}

/** Who owns what of a new object that is tracked nowhere else; `now` in ms since the epoch. */
export function createdBy(manager: Manager, schema: Schema, object: object, now: number): readonly Entry[] {
  const versions: Versions<object> = { schemaOf: () => schema, convert: (same) => same };
  const change = { old: zeroOf(schema), next: object, entries: NONE, version: manager.apiVersion, versions };
  return track({ ...change, filter: () => undefined }, manager, rfc3339(now));
}

/** The entries as the object says them. */
export function keep({ metadata }: AnyObject, entries: readonly Entry[]): void {
  if (entries.length === 0) delete metadata.managedFields;
  else metadata.managedFields = entries as unknown as ManagedFieldsEntry[];
}
