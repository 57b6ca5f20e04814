// Strategic merge patch: maps merge, and lists that the schema marks merge by key or as sets. Directives: `$patch`,
// `$retainKeys`, `$setElementOrder/LIST`, `$deleteFromPrimitiveList/LIST`
// (k8s.io/apimachinery v0.36 pkg/util/strategicpatch/patch.go).
import { copyOf, isEqual, ownValue, setOwn } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { StatusError } from '../status.ts';
import { goMap } from './go-map.ts';
import { asPatch } from './merge.ts';

type Json = Record<string, unknown>;

const ORDER = '$setElementOrder/';
const DELETE = '$deleteFromPrimitiveList/';
const RETAIN = '$retainKeys';
const DIRECTIVE = '$patch';

/**
 * A patched copy of `current`. Throws StatusError: 400 when `patch` is no object, 500 (as upstream does) for a directive that
 * does not exist or a list element without its merge key.
 */
export function applyStrategicMergePatch(schema: Schema, current: unknown, patch: unknown): Json {
  return mergeMap(schema, copyOf(current ?? {}) as Json, copyOf(asPatch(patch)));
}

function mergeMap(schema: Schema | undefined, target: Json, patch: Json): Json {
  const directive = patch[DIRECTIVE];
  if (directive !== undefined) {
    if (directive === 'replace') return without(patch, DIRECTIVE);
    if (directive === 'delete') return {};
    if (directive !== 'merge') fail(`unknown patch type: ${String(directive)} in map: ${goMap(patch)}`);
  }
  retainKeys(target, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE)) deletePrimitives(target, key.slice(DELETE.length), value);
    else mergeField(schema, target, patch, key, value);
  }
  for (const key of Object.keys(patch)) {
    if (key.startsWith(ORDER)) orderList(schema, target, patch, key.slice(ORDER.length));
  }
  return target;
}

function mergeField(schema: Schema | undefined, target: Json, patch: Json, key: string, value: unknown): void {
  const field = fieldOf(schema, key);
  const old = ownValue(target, key);
  if (value === null) {
    delete target[key];
  } else if (Array.isArray(value)) {
    const current = Array.isArray(old) ? old : [];
    setOwn(target, key, mergeList(field, current, value, patch[ORDER + key] as unknown[] | undefined));
  } else if (isMap(value)) {
    const atomic = field?.patchStrategy?.includes('replace') && !field.patchStrategy.includes('retainKeys');
    if (isMap(old) && !atomic) setOwn(target, key, mergeMap(field, old, value));
    else setOwn(target, key, mergeMap(field, {}, value));
    // A map that is deleted as a whole goes, it does not stay empty.
    if (value[DIRECTIVE] === 'delete') delete target[key];
  } else setOwn(target, key, value);
}

/** What a schema says of one field; maps say the same of every key. */
function fieldOf(schema: Schema | undefined, key: string): Schema | undefined {
  return schema?.properties?.[key] ?? schema?.additionalProperties;
}

function mergeList(schema: Schema | undefined, target: unknown[], patch: unknown[], order?: unknown[]): unknown[] {
  if (!schema?.patchStrategy?.includes('merge')) return patch.filter((item) => !isReplace(item));
  if (patch.some(isReplace)) return patch.filter((item) => !isReplace(item)).map(strip);
  if (!schema.patchMergeKey) {
    const merged = [...target, ...patch.filter((item) => !target.some((old) => isEqual(old, item)))];
    return normalizeOrder(merged, patch, target, undefined, order);
  }
  const key = schema.patchMergeKey;
  // With nothing to merge with, elements are taken as they are: what they lack is for validation to tell.
  if (target.length === 0 && !order && patch.some((item) => isMap(item) && item[key] === undefined)) {
    const whole = patch.filter((item) => !isMap(item) || item[DIRECTIVE] === undefined);
    return whole.map((item) => (isMap(item) ? mergeMap(schema.items, {}, item) : item));
  }
  return mergeByKey(schema, target, patch, key, order);
}

function mergeByKey(schema: Schema, target: unknown[], patch: unknown[], key: string, order?: unknown[]): unknown[] {
  const merged = [...target] as Json[];
  const kept: Json[] = [];
  for (const item of patch as Json[]) {
    if (!isMap(item) || item[key] === undefined)
      fail(`map: ${goMap(item)} does not contain declared merge key: ${key}`);
    const at = merged.findIndex((old) => isEqual(old[key], item[key]));
    if (item[DIRECTIVE] === 'delete') {
      for (let i = merged.length - 1; i >= 0; i--) if (isEqual(merged[i][key], item[key])) merged.splice(i, 1);
      continue;
    }
    kept.push(item);
    if (at >= 0) merged[at] = mergeMap(schema.items, merged[at], item);
    else merged.push(mergeMap(schema.items, {}, item));
  }
  return normalizeOrder(merged, kept, target, key, order);
}

/**
 * Puts the patch's elements in the patch's order (or that of `$setElementOrder`), and those only the server has where they
 * stood among the others; an element the server did not have comes before them.
 */
function normalizeOrder(
  merged: unknown[],
  patch: unknown[],
  server: unknown[],
  key?: string,
  order?: unknown[],
): unknown[] {
  const same = (a: unknown, b: unknown): boolean => (key ? isEqual((a as Json)[key], (b as Json)[key]) : isEqual(a, b));
  const wanted = order ?? patch;
  const placed = wanted.flatMap((one) => merged.filter((item) => same(item, one)).slice(0, 1));
  const rest = merged.filter((item) => !wanted.some((one) => same(item, one)));
  const place = (item: unknown): number => server.findIndex((old) => same(old, item));
  rest.sort((a, b) => place(a) - place(b));
  const result: unknown[] = [];
  while (rest.length > 0 && placed.length > 0) {
    const [left, right] = [place(rest[0]), place(placed[0])];
    result.push(left >= 0 && right >= 0 && left < right ? rest.shift() : placed.shift());
  }
  return [...result, ...rest, ...placed];
}

/** `$setElementOrder/LIST` without LIST in the patch: only the order changes. */
function orderList(schema: Schema | undefined, target: Json, patch: Json, list: string): void {
  const current = target[list];
  const order = patch[ORDER + list];
  if (patch[list] !== undefined || !Array.isArray(current) || !Array.isArray(order)) return;
  target[list] = normalizeOrder(current, [], current, fieldOf(schema, list)?.patchMergeKey, order);
}

function deletePrimitives(target: Json, list: string, values: unknown): void {
  const current = target[list];
  if (!Array.isArray(current) || !Array.isArray(values)) return;
  target[list] = current.filter((item) => !values.some((value) => isEqual(item, value)));
}

function retainKeys(target: Json, patch: Json): void {
  const retained = patch[RETAIN];
  if (retained === undefined) return;
  if (!Array.isArray(retained)) fail('invalid patch format: $retainKeys must be a list');
  for (const key of Object.keys(target)) if (!(retained as unknown[]).includes(key)) delete target[key];
}

function isReplace(item: unknown): boolean {
  return isMap(item) && item[DIRECTIVE] === 'replace';
}

/** Nested directives of an element that is taken as it is. */
function strip(item: unknown): unknown {
  return isMap(item) ? mergeMap(undefined, {}, item) : item;
}

function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function without(map: Json, key: string): Json {
  const { [key]: _gone, ...rest } = map;
  return rest;
}

function fail(message: string): never {
  const error = new StatusError(500, '', message);
  delete error.status.reason;
  throw error;
}
