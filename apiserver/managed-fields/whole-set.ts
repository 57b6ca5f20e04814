// All fields of a value that was not there before, or is there no more: its leaves, its items and the maps and lists themselves.
import type { Schema } from '../../api/schema/schema.ts';
import { below, type FieldSet, leaf } from './field-set.ts';
import { itemElement } from './path-element.ts';
import { DEDUCED, fieldSchema, isMap, itemSchema, relationOf } from './relation.ts';

/** What lies below the element that holds `value`, itself included. */
export function wholeSet(schema: Schema, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return leaf();
  const relation = relationOf(schema);
  if (relation === 'scalar' || relation === 'atomic') return leaf();
  if (relation === 'associative') return Array.isArray(value) ? wholeList(schema, value) : leaf();
  return isMap(value) ? wholeMap(schema, value) : leaf();
}

function wholeMap(schema: Schema, map: Record<string, unknown>): FieldSet {
  let set: Record<string, FieldSet> | undefined;
  for (const name of namesInOrder(map)) {
    if (map[name] === undefined) continue;
    set ??= { '.': leaf() };
    set[`f:${name}`] = wholeSet(fieldSchema(schema, name) ?? DEDUCED, map[name]);
  }
  return set ?? leaf();
}

function wholeList(list: Schema, items: readonly unknown[]): FieldSet {
  if (items.length === 1) {
    return { '.': leaf(), [itemElement(list, items[0])]: wholeSet(itemSchema(list), items[0]) };
  }
  const sets = new Map<string, FieldSet>();
  for (const item of items) {
    const element = itemElement(list, item);
    // What is there twice is one value.
    sets.set(element, sets.has(element) ? leaf() : wholeSet(itemSchema(list), item));
  }
  return below(true, [...sets])!;
}

/** Object.keys, sorted when they are not. */
export function namesInOrder(map: object): string[] {
  const names = Object.keys(map);
  for (let i = 1; i < names.length; i++) if (names[i - 1] > names[i]) return names.sort();
  return names;
}
