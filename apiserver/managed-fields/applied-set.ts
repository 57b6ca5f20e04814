// Which fields an applied configuration speaks of, and whether it may: every field must be declared and of its type.
// (sigs.k8s.io/structured-merge-diff v6 typed/tofieldset.go, typed/validate.go.)
import { goMap } from '../../api/patch/go-map.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { below, type FieldSet, leaf, rootOf } from './field-set.ts';
import { fieldElement, itemElement, printElement, TypedError } from './path-element.ts';
import { DEDUCED, fieldSchema, relationOf } from './relation.ts';

type Pairs = Array<readonly [element: string, below: FieldSet]>;

/** Every leaf and every item that `value` mentions; `value` is valid by its schema, but may hold an item twice. */
export function fieldSetOf(schema: Schema, value: unknown): FieldSet | undefined {
  const set = setBelow(schema, value);
  return set && rootOf(Object.entries(set).filter(([element]) => element !== '.'));
}

/** What lies below the element that holds `value`. Lists and declared maps are no members, only what is in them. */
function setBelow(schema: Schema, value: unknown): FieldSet | undefined {
  const relation = relationOf(schema);
  if (relation === 'scalar' || relation === 'atomic') return leaf();
  if (value === null) return undefined;
  if (relation === 'associative') return below(false, itemPairs(schema, value as unknown[]));
  if (typeof value !== 'object' || Array.isArray(value)) return leaf();
  const pairs: Pairs = [];
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const set = setBelow(fieldSchema(schema, name) ?? DEDUCED, inner);
    const isOwned = inner === null || isEmptyMap(inner) || schema.properties?.[name] === undefined;
    const whole = isOwned ? below(true, set ? childPairs(set) : []) : set;
    if (whole) pairs.push([fieldElement(name), whole]);
  }
  return below(false, pairs);
}

function itemPairs(list: Schema, items: readonly unknown[]): Pairs {
  const pairs = new Map<string, FieldSet>();
  for (const item of items) {
    const element = itemElement(list, item);
    // What is there twice is owned as one value.
    const set = pairs.has(element) ? undefined : setBelow(list.items ?? DEDUCED, item);
    pairs.set(element, below(true, set ? childPairs(set) : [])!);
  }
  return [...pairs];
}

function childPairs(set: FieldSet): Pairs {
  return Object.entries(set).filter(([element]) => element !== '.');
}

function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** Throws TypedError with everything that is wrong. */
export function checkTyped(schema: Schema, value: unknown): void {
  const problems: string[] = [];
  check(schema, value, '', problems);
  if (problems.length === 1) throw new TypedError(problems[0]);
  if (problems.length > 1) throw new TypedError(`errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
}

function check(schema: Schema, value: unknown, path: string, problems: string[]): void {
  if (value === null || value === undefined) return;
  const say = (what: string): number => problems.push(path === '' ? what : `${path}: ${what}`);
  if (schema.type === 'array') {
    if (Array.isArray(value)) checkItems(schema, value, path, problems);
    else say(`expected list, got ${pointer(value)}`);
  } else if (schema.type === 'object') {
    if (isMap(value)) checkFields(schema, value, path, problems);
    else if (relationOf(schema) !== 'deduced' && schema.definition !== undefined && !schema.properties) return;
    else if (schema !== DEDUCED) say(`expected map, got ${pointer(value)}`);
  } else checkScalar(schema, value, say);
}

function checkFields(schema: Schema, map: Record<string, unknown>, path: string, problems: string[]): void {
  for (const [name, value] of Object.entries(map)) {
    const at = `${path}.${name}`;
    const field = fieldSchema(schema, name);
    if (field) check(field, value, at, problems);
    else problems.push(`${at}: field not declared in schema`);
  }
}

function checkItems(list: Schema, items: readonly unknown[], path: string, problems: string[]): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    let step = `[${index}]`;
    if (relationOf(list) === 'associative') {
      try {
        const element = itemElement(list, item);
        step = printElement(element);
        if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${step}`);
        seen.add(element);
      } catch (error) {
        if (!(error instanceof TypedError)) throw error;
        problems.push(`${path}: element ${index}: ${error.message}`);
        return;
      }
    }
    check(list.items ?? DEDUCED, item, path + step, problems);
  }
}

function checkScalar(schema: Schema, value: unknown, say: (what: string) => void): void {
  const is = typeof value;
  switch (schema.type) {
    case 'string':
      if (is !== 'string') say(`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`);
      return;
    case 'integer':
    case 'number':
      if (is !== 'number') say(`expected numeric (int or float), got ${goType(value)}`);
      return;
    case 'boolean':
      if (is !== 'boolean') say(`expected boolean, got ${pointer(value)}`);
      return;
    default:
      if (!schema.preserveUnknownFields && is === 'object') say(`expected any scalar, got ${pointer(value)}`);
  }
}

/** As Go's %v prints the box it keeps the value in. */
function pointer(value: unknown): string {
  return `&{${goMap(value)}}`;
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'float64';
}

function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[string]interface {}{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${goSyntax(inner)}`).join(', ')}}`;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
