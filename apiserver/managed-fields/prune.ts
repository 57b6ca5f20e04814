// What an applier no longer speaks of goes from the object, unless somebody else owns it.
// (sigs.k8s.io/structured-merge-diff v6 merge/update.go, typed/remove.go.)
import { setOwn } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { fieldSetOf } from './applied-set.ts';
import { difference, type FieldSet, has, intersection, union, within, withNamedFields } from './field-set.ts';
import { fieldElement, itemElement } from './path-element.ts';
import { DEDUCED, fieldSchema, relationOf } from './relation.ts';

/** Objects of one kind in several versions: what pruning needs to look at each owner's fields in that owner's version. */
export interface Versions<T> {
  schemaOf(version: string): Schema | undefined;
  convert(object: T, from: string, to: string): T;
}

export interface Pruning {
  readonly merged: object;
  /** Of `merged`, and of what is answered. */
  readonly version: string;
  /** What the applier owned until now. */
  readonly last: { readonly set: FieldSet; readonly version: string };
  /** What everybody owns from now on, the applier included, by version. */
  readonly owned: ReadonlyMap<string, FieldSet>;
  readonly versions: Versions<object>;
}

export function prune({ merged, version, last, owned, versions }: Pruning): object {
  const schema = versions.schemaOf(last.version);
  if (!schema) return merged;
  const whole = versions.convert(merged, version, last.version);
  const lastSet = withNamedFields(last.set, schema);
  let pruned = removeItems(schema, whole, lastSet) as object;
  pruned = addBackOwned(whole, pruned, { version: last.version, owned, versions });
  const wholeSet = withNamedFields(fieldSetOf(schema, whole), schema);
  const prunedSet = withNamedFields(fieldSetOf(schema, pruned), schema);
  const gone = intersection(difference(wholeSet, prunedSet), lastSet);
  return versions.convert(removeItems(schema, whole, gone) as object, last.version, version);
}

/** The version that the objects are in comes first: what was taken away may be needed to convert them to another. */
function addBackOwned(
  whole: object,
  start: object,
  { version, owned, versions }: Pick<Pruning, 'version' | 'owned' | 'versions'>,
): object {
  let pruned = start;
  for (const at of [version, ...[...owned.keys()].filter((one) => one !== version)]) {
    const schema = versions.schemaOf(at);
    const set = owned.get(at);
    if (!schema || !set) continue;
    const there = versions.convert(whole, version, at);
    const left = versions.convert(pruned, version, at);
    const kept = union(withNamedFields(fieldSetOf(schema, left), schema), withNamedFields(set, schema));
    const gone = difference(withNamedFields(fieldSetOf(schema, there), schema), kept);
    pruned = versions.convert(removeItems(schema, there, gone) as object, at, version);
  }
  return pruned;
}

/** `value` without the fields and items of `gone`; null for a container that nothing is left of. */
export function removeItems(schema: Schema, value: unknown, gone: FieldSet | undefined): unknown {
  if (!gone || typeof value !== 'object' || value === null) return value;
  const relation = relationOf(schema);
  if (relation === 'scalar') return value;
  if (relation === 'atomic') return null;
  if (Array.isArray(value)) return relation === 'associative' ? listWithout(schema, value, gone) : null;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const element = fieldElement(name);
    if (has(gone, [element])) continue;
    setOwn(kept, name, removeItems(fieldSchema(schema, name) ?? DEDUCED, inner, within(gone, element)));
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

function listWithout(list: Schema, items: readonly unknown[], gone: FieldSet): unknown[] | null {
  const kept: unknown[] = [];
  for (const item of items) {
    const element = itemElement(list, item);
    if (!has(gone, [element])) kept.push(removeItems(list.items ?? DEDUCED, item, within(gone, element)));
  }
  return kept.length > 0 ? kept : null;
}
