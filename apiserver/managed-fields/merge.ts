// An applied configuration laid over the live object: what it says replaces, lists that are maps or sets merge item by item.
// (sigs.k8s.io/structured-merge-diff v6 typed/merge.go.)
import { setOwn } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { itemElement, TypedError } from './path-element.ts';
import { DEDUCED, fieldSchema, relationOf } from './relation.ts';

type Json = Record<string, unknown>;

/** Nothing is taken away; values of `live` and `applied` are shared, not copied. Either may be undefined, not both. */
export function merge(schema: Schema, live: unknown, applied: unknown): unknown {
  const relation = relationOf(schema);
  if (relation === 'associative') {
    const [left, right] = [asList(live), asList(applied)];
    return left.length + right.length === 0 ? leaf(live, applied) : mergeLists(schema, left, right);
  }
  if (relation === 'map' || (relation === 'deduced' && isMapLike(live) && isMapLike(applied))) {
    const [left, right] = [asMap(live), asMap(applied)];
    return isEmpty(left) && isEmpty(right) ? leaf(live, applied) : mergeMaps(schema, left, right);
  }
  return leaf(live, applied);
}

function leaf(live: unknown, applied: unknown): unknown {
  return applied === undefined ? live : applied;
}

function mergeMaps(schema: Schema, live: Json | undefined, applied: Json | undefined): Json {
  const merged: Json = {};
  for (const name in live) {
    const other = applied && Object.hasOwn(applied, name) ? applied[name] : undefined;
    if (live[name] !== undefined || other !== undefined) {
      setOwn(merged, name, merge(fieldSchema(schema, name) ?? DEDUCED, live[name], other));
    }
  }
  for (const name in applied) {
    if (live && Object.hasOwn(live, name)) continue;
    if (applied[name] !== undefined) {
      setOwn(merged, name, merge(fieldSchema(schema, name) ?? DEDUCED, undefined, applied[name]));
    }
  }
  return merged;
}

/**
 * Items that both have stand in the applied order; those only the live list has stay before the shared item that they preceded, and
 * those only the configuration has come where it puts them.
 */
function mergeLists(list: Schema, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const left = live.map((item) => itemElement(list, item));
  const right = applied.map((item) => itemElement(list, item));
  const liveItems = indexed(left, live);
  const appliedItems = new Map(right.map((element, i) => [element, applied[i]]));
  if (appliedItems.size < right.length) throw new TypedError(`duplicate entries for key ${firstTwice(right)}`);
  const shared = right.filter((element) => liveItems.has(element));
  const done = new Set<string>();
  const merged: unknown[] = [];
  const take = (element: string, item: unknown): number =>
    merged.push(merge(list.items ?? DEDUCED, item, appliedItems.get(element)));
  let next = 0; // of `shared`: what comes next in the applied order
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const element = left[l];
    if (l < left.length && r < right.length) {
      if (element === right[r]) {
        done.add(element);
        take(element, liveItems.get(element));
        l++;
        r++;
        next++;
        continue;
      }
      // Shared, but not the one whose turn it is.
      if (appliedItems.has(element) && next < shared.length && shared[next] !== element) {
        l++;
        continue;
      }
    }
    if (l < left.length) {
      if (!appliedItems.has(element)) {
        take(element, live[l]);
        l++;
        continue;
      }
      if (done.has(element)) l++;
    }
    if (r < right.length) {
      const other = right[r];
      done.add(other);
      take(other, liveItems.get(other));
      if (next < shared.length && shared[next] === other) next++;
      r++;
    }
  }
  return merged;
}

/** An item that the live list has twice is not merged with the applied one: it is replaced. */
function indexed(elements: readonly string[], items: readonly unknown[]): Map<string, unknown> {
  const index = new Map<string, unknown>();
  for (const [i, element] of elements.entries()) index.set(element, index.has(element) ? undefined : items[i]);
  return index;
}

function firstTwice(elements: readonly string[]): string {
  return elements.find((element, i) => elements.indexOf(element) !== i)!;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function asMap(value: unknown): Json | undefined {
  return isMapLike(value) && value ? (value as Json) : undefined;
}

function isMapLike(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && !Array.isArray(value));
}

function isEmpty(map: Json | undefined): boolean {
  for (const name in map) if (map[name] !== undefined) return false;
  return true;
}
