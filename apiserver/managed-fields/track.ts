// Who owns what after a create, update or patch: the fields that it changed are its manager's, and those that it took away nobody's
// (k8s.io/apimachinery v0.36 pkg/util/managedfields/internal, sigs.k8s.io/structured-merge-diff v6 merge/update.go).
import type { Schema } from '../../api/schema/schema.ts';
import { type Comparison, compare } from './compare.ts';
import { capped, type Entry, entryOf, isSame, type Manager, sorted } from './entries.ts';
import { difference, union } from './field-set.ts';
import type { Versions } from './prune.ts';
import { type FieldFilter, filtered } from './reset-fields.ts';

export interface Change {
  /** The object as it was; a new one's `zeroOf`. */
  readonly old: object;
  readonly next: object;
  readonly entries: readonly Entry[];
  /** Of both objects. */
  readonly version: string;
  readonly versions: Versions<object>;
  filter(version: string): FieldFilter | undefined;
}

/** What `manager` changed becomes its own, at `now` (RFC 3339). The entries themselves when nothing changed. */
export function track(change: Change, manager: Manager, now: string): readonly Entry[] {
  const comparison = compareAt(change, change.version);
  if (!comparison?.changed && !comparison?.removed) return change.entries;
  const left = takenAway(change, comparison);
  const { changed } = comparison;
  if (!changed) return sorted(left);
  const mine = left.findIndex((entry) => isSame(entry, manager));
  const set = mine < 0 ? changed : union(changed, left[mine].fieldsV1)!;
  const entry = entryOf(manager, set, now);
  return sorted(capped(mine < 0 ? [...left, entry] : left.with(mine, entry)));
}

/** What every manager still owns. A manager of a version that is no more is gone, and so is one that owns nothing. */
export function takenAway(change: Change, comparison: Comparison): Entry[] {
  const byVersion = new Map<string, Comparison | undefined>([[change.version, comparison]]);
  const left: Entry[] = [];
  for (const entry of change.entries) {
    const { apiVersion, fieldsV1 } = entry;
    if (!byVersion.has(apiVersion)) byVersion.set(apiVersion, compareAt(change, apiVersion));
    const there = byVersion.get(apiVersion);
    const set = there && difference(difference(fieldsV1, there.changed), there.removed);
    if (set) left.push(set === fieldsV1 ? entry : entryOf(entry, set, entry.time));
  }
  return left;
}

/** The comparison in one version, without what the resource does not take; undefined when there is no such version. */
export function compareAt({ old, next, version, versions, filter }: Change, at: string): Comparison | undefined {
  const schema: Schema | undefined = versions.schemaOf(at);
  if (!schema) return undefined;
  const [left, right] =
    at === version ? [old, next] : [versions.convert(old, version, at), versions.convert(next, version, at)];
  const { changed, removed } = compare(schema, left, right);
  const only = filter(at);
  return { changed: filtered(changed, only), removed: filtered(removed, only) };
}

const zeros = new WeakMap<Schema, object>();

/**
 * What Go shows of an object that nobody filled: the structs and zero values that are printed always. Custom resources are no Go
 * structs: nothing is shown, and what their schemas have for defaults is filled in besides.
 */
export function zeroOf(schema: Schema): object {
  let zero = zeros.get(schema);
  if (!zero) {
    zero = {};
    const fields = schema.definition ? (schema.properties ?? {}) : {};
    for (const [name, field] of Object.entries(fields)) {
      const shown = field.default;
      if (shown === undefined) continue;
      const isStruct = typeof shown === 'object' && shown !== null && field.type === 'object';
      if (isStruct) (zero as Record<string, unknown>)[name] = zeroOf(field);
      else if (!shown) (zero as Record<string, unknown>)[name] = shown;
    }
    zeros.set(schema, zero);
  }
  return zero;
}
