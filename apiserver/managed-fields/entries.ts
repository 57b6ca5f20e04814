// metadata.managedFields: one entry for every manager, operation and subresource, with the fields it owns
// (k8s.io/apimachinery v0.36 pkg/util/managedfields/internal/managedfields.go, capmanagers.go).
import { isEqual } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import type { ManagedFieldsEntry } from '../../api/types/meta.v1.ts';
import { type FieldSet, readFieldSet, union } from './field-set.ts';
import { TypedError } from './path-element.ts';

export interface Entry {
  readonly manager?: string;
  readonly operation: 'Apply' | 'Update';
  /** The version that `fieldsV1` speaks of. */
  readonly apiVersion: string;
  /** When the set last changed: RFC 3339, to the second. */
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldSet;
  readonly subresource?: string;
}

/** Who writes. */
export type Manager = Pick<Entry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>;

/** How many managers that updated are told apart (upstream: DefaultMaxUpdateManagers). */
const MAX_UPDATERS = 10;
const OLD_UPDATES = 'ancient-changes';

/** What tells managers apart. Appliers are the same whatever version they speak. Messages are sorted by it. */
export function identityOf({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify({
    ...(manager && { manager }),
    operation,
    ...(operation === 'Update' && { apiVersion }),
    ...(subresource && { subresource }),
  });
}

export function isSame(a: Manager, b: Manager): boolean {
  return (
    a.operation === b.operation &&
    (a.manager ?? '') === (b.manager ?? '') &&
    (a.subresource ?? '') === (b.subresource ?? '') &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  );
}

/**
 * The entry of `manager` for the set; keys stand as upstream writes them. One literal, because it is made with every write: spreads
 * of optional keys took ten times as long as the rest of the tracking.
 */
export function entryOf(who: Manager, fieldsV1: FieldSet, time: string | undefined): Entry {
  return {
    manager: who.manager || undefined,
    operation: who.operation,
    apiVersion: who.apiVersion,
    time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    subresource: who.subresource || undefined,
  };
}

/** What the server wrote itself; it is a list of entries in order. */
export function storedEntries(managedFields: readonly ManagedFieldsEntry[] | undefined): readonly Entry[] {
  return (managedFields as unknown as readonly Entry[] | undefined) ?? NONE;
}

export const NONE: readonly Entry[] = [];

/** Whether a client asks that everybody's ownership be forgotten: an empty list, or one empty entry. */
export function isReset(managedFields: readonly ManagedFieldsEntry[] | undefined): boolean {
  if (!managedFields || managedFields.length > 1) return false;
  return managedFields.length === 0 || Object.keys(managedFields[0]).length === 0;
}

/**
 * The entries that a write begins with: those it brings along, or the live object's when it brings none that can be read. Clients
 * that do not know of managedFields must not take them away.
 */
export function entriesFor(
  live: readonly ManagedFieldsEntry[] | undefined,
  brought: readonly ManagedFieldsEntry[] | undefined,
  schemaOf: (apiVersion: string) => Schema | undefined,
): readonly Entry[] {
  if (isReset(brought)) return NONE;
  if (!brought || isEqual(brought, live)) return storedEntries(live);
  const entries = readEntries(brought, schemaOf);
  return entries && entries.length > 0 ? entries : storedEntries(live);
}

/** Undefined when one of them makes no sense. */
function readEntries(
  managedFields: readonly ManagedFieldsEntry[],
  schemaOf: (apiVersion: string) => Schema | undefined,
): readonly Entry[] | undefined {
  const entries = new Map<string, Entry>();
  for (const { manager, operation, apiVersion, fieldsType, fieldsV1, subresource, time } of managedFields) {
    if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return undefined;
    const who: Manager = { manager, operation, apiVersion, subresource };
    try {
      const set = readFieldSet(fieldsV1, schemaOf(apiVersion) ?? {});
      entries.set(identityOf(who), entryOf(who, set ?? {}, time as string | undefined));
    } catch (error) {
      if (error instanceof TypedError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
  return sorted([...entries.values()]);
}

/** Appliers first, then by time, then by name. */
export function sorted(entries: readonly Entry[]): readonly Entry[] {
  for (let i = 1; i < entries.length; i++) {
    if (compareEntries(entries[i - 1], entries[i]) > 0) return [...entries].sort(compareEntries);
  }
  return entries;
}

function compareEntries(a: Entry, b: Entry): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time, b.time) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Takes the oldest updaters together until no more than ten are left, those of one version in one entry. */
export function capped(entries: readonly Entry[]): readonly Entry[] {
  const updaters = entries.filter(({ operation }) => operation === 'Update');
  let count = updaters.length;
  if (count <= MAX_UPDATERS) return entries;
  updaters.sort((a, b) => compareText(a.time, b.time) || compareText(identityOf(a), identityOf(b)));
  const kept = new Set(entries);
  const buckets = new Map<string, Entry>();
  for (const entry of updaters) {
    if (count <= MAX_UPDATERS) break;
    const bucket = buckets.get(entry.apiVersion);
    if (bucket) {
      kept.delete(bucket);
      kept.delete(entry);
      const who: Manager = { manager: OLD_UPDATES, operation: 'Update', apiVersion: entry.apiVersion };
      const merged = entryOf(who, union(entry.fieldsV1, bucket.fieldsV1)!, entry.time);
      kept.add(merged);
      buckets.set(entry.apiVersion, merged);
      count -= 1;
    } else buckets.set(entry.apiVersion, entry);
  }
  return [...kept];
}

/** Whether two lists say the same but for the times; a write that changes nothing else is none. */
export function isEqualButTimes(
  a: readonly ManagedFieldsEntry[] | undefined,
  b: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  return a.every((entry, i) => {
    const other = b[i];
    return (
      isSame(entry as unknown as Entry, other as unknown as Entry) &&
      entry.apiVersion === other.apiVersion &&
      isEqual(entry.fieldsV1, other.fieldsV1)
    );
  });
}
