// What differs between two objects of one kind, as sets of fields: one walk over schema and both objects, which makes nothing where they
// agree. (sigs.k8s.io/structured-merge-diff v6 typed/compare.go; who wrote a field does not depend on whether it is new.)
import { isEqual } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { below, type FieldSet, leaf, rootOf } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { DEDUCED, fieldSchema, isEmptyMap, isMap, itemSchema, relationOf, valueIn } from './relation.ts';
import { wholeSet } from './whole-set.ts';

type Json = Record<string, unknown>;
type Pairs = Array<readonly [element: string, below: FieldSet]>;

export interface Comparison {
  /** Fields that are new, or hold another value. */
  readonly changed?: FieldSet;
  /** Fields that are no more. */
  readonly removed?: FieldSet;
}

const SAME: Comparison = {};
const CHANGED: Comparison = { changed: leaf() };

/** Part of metadata that nobody owns (upstream's stripMetaManager). */
export const UNOWNED: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);

/** What a kind's own fields do not include. */
const APART: ReadonlySet<string> = new Set(['kind', 'apiVersion', 'metadata']);

/** Both are objects of `schema`; kind, apiVersion and the part of metadata that nobody owns are left aside. */
export function compare(schema: Schema, old: object, next: object): Comparison {
  const walk = new Walk();
  const [before, after] = [old as Json, next as Json];
  walk.fields(schema, before, after, APART);
  const metadata = new Walk();
  metadata.fields(schema.properties?.metadata ?? DEDUCED, asMap(before.metadata), asMap(after.metadata), UNOWNED);
  walk.take('f:metadata', metadata.finish());
  return walk.finish();
}

/** Collects what differs below one element that both sides have. */
class Walk {
  #changed: Pairs | undefined;
  #removed: Pairs | undefined;

  /** Every field of two maps, but those named in `skipped`. */
  fields(parent: Schema, old: Json | undefined, next: Json | undefined, skipped?: ReadonlySet<string>): void {
    for (const name in next) {
      const value = next[name];
      const before = valueIn(old, name);
      if (value === before || value === undefined || skipped?.has(name)) continue;
      this.take(`f:${name}`, compareValues(fieldSchema(parent, name) ?? DEDUCED, before, value));
    }
    for (const name in old) {
      const value = old[name];
      if (value === undefined || valueIn(next, name) !== undefined || skipped?.has(name)) continue;
      this.take(`f:${name}`, compareValues(fieldSchema(parent, name) ?? DEDUCED, value, undefined));
    }
  }

  /** Items that are there more than once are one value. */
  items(list: Schema, old: readonly unknown[], next: readonly unknown[]): void {
    const before = grouped(list, old);
    const after = grouped(list, next);
    for (const [element, values] of after) this.#item(list, element, before.get(element) ?? NOTHING, values);
    for (const [element, values] of before) if (!after.has(element)) this.#item(list, element, values, NOTHING);
  }

  #item(list: Schema, element: string, old: readonly unknown[], next: readonly unknown[]): void {
    const items = itemSchema(list);
    if (old.length <= 1 && next.length <= 1) this.take(element, compareValues(items, old[0], next[0]));
    else if (old.length >= 2 && next.length >= 2) this.take(element, isEqual(old, next) ? SAME : CHANGED);
    else if (old.length >= 2) this.take(element, { ...compareValues(items, undefined, next[0]), removed: leaf() });
    else this.take(element, { ...compareValues(items, old[0], undefined), changed: leaf() });
  }

  take(element: string, { changed, removed }: Comparison): void {
    if (changed) {
      this.#changed ??= [];
      this.#changed.push([element, changed]);
    }
    if (removed) {
      this.#removed ??= [];
      this.#removed.push([element, removed]);
    }
  }

  finish(): Comparison {
    if (!this.#changed && !this.#removed) return SAME;
    return {
      changed: this.#changed && rootOf(this.#changed),
      removed: this.#removed && below(false, this.#removed),
    };
  }
}

/** Null is there, and so is what Go shows of a map or list that is none. */
function compareValues(schema: Schema, old: unknown, next: unknown): Comparison {
  if (old === undefined) return next === undefined ? SAME : { changed: wholeSet(schema, next) };
  if (next === undefined) return { removed: wholeSet(schema, old) };
  const relation = relationOf(schema);
  if (relation === 'associative') {
    const [left, right] = [asList(old), asList(next)];
    if (left.length === 0 && right.length === 0) return compareLeaves(old, next);
    if (isSameList(left, right)) return SAME;
    const walk = new Walk();
    walk.items(schema, left, right);
    return walk.finish();
  }
  if (relation === 'map' || (relation === 'deduced' && isMapOrNull(old) && isMapOrNull(next))) {
    const [left, right] = [asMap(old), asMap(next)];
    if (isEmptyMap(left) && isEmptyMap(right)) return compareLeaves(old, next);
    const walk = new Walk();
    walk.fields(schema, left, right);
    return walk.finish();
  }
  return compareLeaves(old, next);
}

function compareLeaves(old: unknown, next: unknown): Comparison {
  return isEqual(old, next) ? SAME : CHANGED;
}

/** Mostly lists are the same, and that is seen sooner than which item is which. */
function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
}

function grouped(list: Schema, items: readonly unknown[]): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(list, item);
    const group = groups.get(element);
    if (group) group.push(item);
    else groups.set(element, [item]);
  }
  return groups;
}

const NOTHING: readonly unknown[] = [];

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NOTHING;
}

function asMap(value: unknown): Json | undefined {
  return isMap(value) ? value : undefined;
}

function isMapOrNull(value: unknown): boolean {
  return value === null || isMap(value);
}
