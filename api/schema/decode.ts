// From a parsed body to an object of a kind: types checked, unknown fields found, and the differences that Go's encoding does
// not keep (null, empty lists and maps, zero values under `omitempty`) taken out. Wording: encoding/json and
// k8s.io/apimachinery v0.36 pkg/runtime/serializer/json.
import type { Kind } from '../kind.ts';
import { type AnyObject, apiVersionOf, parseApiVersion, setOwn } from '../object.ts';
import { parseQuantity, QuantityError } from '../quantity.ts';
import { StatusError } from '../status.ts';
import type { Key } from './json.ts';
import type { Schema } from './schema.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface DecodeOptions {
  readonly validation: FieldValidation;
  /** The text's keys, when some are given twice (`parseJson`). */
  readonly keys?: readonly Key[];
  /** What was found wrong before, in the words of a strict decoder. */
  readonly found?: readonly string[];
}

export interface Decoded {
  /** `value` itself, changed in place. */
  readonly object: AnyObject;
  readonly warnings: string[];
}

/** What Go's decoder says of a body, without saying of which. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

type Decodable = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

/**
 * Takes `value` (private, changed in place) as an object of `kind`. A missing kind or apiVersion is filled in. Throws
 * StatusError 400 for another kind, a wrong type, and, under Strict, unknown or duplicate fields.
 */
export function decode(kind: Decodable, value: unknown, options: DecodeOptions): Decoded {
  try {
    return read(kind, value, options);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const said = (typeof value === 'object' && value !== null ? value : {}) as Partial<AnyObject>;
    const { version } = parseApiVersion(said.apiVersion || apiVersionOf(kind.group, kind.version));
    throw StatusError.badRequest(
      `${said.kind || kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${error.message}`,
    );
  }
}

function read(kind: Decodable, value: unknown, options: DecodeOptions): Decoded {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError(`json: cannot unmarshal ${nameOf(value)} into Go value of type ${goStruct(kind.schema)}`);
  }
  const object = value as AnyObject;
  checkKind(kind, object);
  const unknown = normalize(kind.schema, object);
  object.kind = kind.kind;
  object.apiVersion = apiVersionOf(kind.group, kind.version);
  if (kind.schema.properties?.metadata) object.metadata ??= { name: '' };
  const problems = [...(options.found ?? []), ...fieldProblems(unknown, options.keys)];
  if (options.validation === 'Strict' && problems.length > 0) {
    throw new DecodeError(`strict decoding error: ${problems.join(', ')}`);
  }
  return { object, warnings: options.validation === 'Warn' ? problems.flatMap(linesOf) : [] };
}

/** Upstream keeps no more of them (sigs.k8s.io/json). */
const MAX_PROBLEMS = 100;

/** In document order, each once. What an unknown field holds is not looked at. */
export function fieldProblems(unknown: readonly string[], keys: readonly Key[] = []): string[] {
  const unknownSaid = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (keys.length === 0) return unknownSaid.slice(0, MAX_PROBLEMS);
  const isInside = (path: string): boolean =>
    unknown.some((one) => path.startsWith(`${one}.`) || path.startsWith(`${one}[`));
  const said = new Set<string>();
  for (const { path, isRepeated } of keys) {
    if (unknown.includes(path)) said.add(`unknown field ${JSON.stringify(path)}`);
    else if (isRepeated && !isInside(path)) said.add(`duplicate field ${JSON.stringify(path)}`);
  }
  return [...said].slice(0, MAX_PROBLEMS);
}

const YAML_PROBLEMS = /^(error converting YAML to JSON: )?yaml: unmarshal errors:\n/;

/** What a YAML reader says in several lines is several warnings. */
export function linesOf(problem: string): string[] {
  if (!YAML_PROBLEMS.test(problem)) return [problem];
  return problem
    .replace(YAML_PROBLEMS, '')
    .split('\n')
    .map((line) => line.trim());
}

function checkKind(kind: Decodable, object: Partial<AnyObject>): void {
  for (const field of ['kind', 'apiVersion'] as const) {
    const value = object[field];
    if (value === undefined || value === null || typeof value === 'string') continue;
    throw new DecodeError(
      `json: cannot unmarshal ${nameOf(value)} into Go struct field TypeMeta.${field} of type string`,
    );
  }
  const version = apiVersionOf(kind.group, kind.version);
  const said = { kind: object.kind || kind.kind, apiVersion: object.apiVersion || version };
  if (said.kind === kind.kind && said.apiVersion === version) return;
  if (said.kind === kind.kind) {
    throw new DecodeError(
      `the API version in the data (${said.apiVersion}) does not match the expected API version (${version})`,
    );
  }
  const from = `${parseApiVersion(said.apiVersion).version}.${said.kind}`;
  const to = `${kind.group.split('.')[0] || 'core'}.${kind.kind}`;
  throw new DecodeError(`converting (${from}) to (${to}): unknown conversion`);
}

/**
 * Checks `object` against `schema` and brings it, in place, to the form the server keeps: unknown fields, nulls and what
 * Go omits are gone. Returns the paths of unknown fields in document order. Throws DecodeError.
 */
export function normalize(schema: Schema, object: Record<string, unknown>): string[] {
  const unknown: string[] = [];
  visitStruct(schema, object, '', unknown);
  return unknown;
}

function visitStruct(schema: Schema, object: Record<string, unknown>, path: string, unknown: string[]): void {
  const properties = schema.properties;
  if (!properties) return;
  for (const key in object) {
    const field = properties[key];
    if (!field) {
      if (schema.preserveUnknownFields) continue;
      unknown.push(path === '' ? key : `${path}.${key}`);
      delete object[key];
      continue;
    }
    const value = object[key];
    if (value === null || value === undefined) {
      if (!field.nullable) delete object[key];
      continue;
    }
    const kept = visit(field, value, path === '' ? key : `${path}.${key}`, unknown, schema, key);
    if (kept === undefined) delete object[key];
    else if (kept !== value) object[key] = kept;
  }
}

/** Returns the value to keep, undefined when the field is to go. */
function visit(schema: Schema, value: unknown, path: string, unknown: string[], parent: Schema, key: string): unknown {
  switch (schema.type) {
    case 'string':
      if (typeof value !== 'string') break;
      if (value === '' && schema.omitEmpty) return undefined;
      if (schema.format === 'date-time') return time(schema, value);
      return value;
    case 'integer':
      if (typeof value !== 'number' || !Number.isInteger(value) || !fits(value, schema.format)) break;
      return value === 0 && schema.omitEmpty ? undefined : value;
    case 'number':
      if (typeof value !== 'number') break;
      return value === 0 && schema.omitEmpty ? undefined : value;
    case 'boolean':
      if (typeof value !== 'boolean') break;
      return !value && schema.omitEmpty ? undefined : value;
    case 'array':
      if (!Array.isArray(value)) break;
      return visitList(schema, value, path, unknown, parent, key);
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) break;
      if (schema.properties) visitStruct(schema, value as Record<string, unknown>, path, unknown);
      else if (schema.additionalProperties) {
        return visitMap(schema, value as Record<string, unknown>, path, unknown, parent, key);
      }
      return value;
    default:
      return visitScalar(schema, value, path, parent, key);
  }
  throw mismatch(schema, value, path, parent, key);
}

function visitList(
  schema: Schema,
  list: unknown[],
  path: string,
  unknown: string[],
  parent: Schema,
  key: string,
): unknown {
  if (list.length === 0 && !schema.preserveUnknownFields && (schema.omitEmpty || schema.default === null))
    return undefined;
  const items = schema.items;
  if (!items) return list;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] ?? zeroOf(items);
    if (item !== null) list[i] = visit(items, item, `${path}[${i}]`, unknown, parent, key);
  }
  return list;
}

function visitMap(
  schema: Schema,
  map: Record<string, unknown>,
  path: string,
  unknown: string[],
  parent: Schema,
  key: string,
): unknown {
  const values = schema.additionalProperties!;
  let size = 0;
  for (const name in map) {
    size += 1;
    const item = map[name] ?? zeroOf(values);
    if (item === null) continue;
    const kept = visit(values, item, `${path}.${name}`, unknown, parent, key);
    if (kept !== map[name]) setOwn(map, name, kept);
  }
  return size === 0 && (schema.omitEmpty || schema.default === null) ? undefined : map;
}

/** IntOrString, Quantity, and what may hold anything. */
function visitScalar(schema: Schema, value: unknown, path: string, parent: Schema, key: string): unknown {
  if (schema.intOrString) {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value;
    throw mismatch(schema, value, path, parent, key);
  }
  if (!schema.definition?.endsWith('.Quantity')) return value;
  try {
    return parseQuantity(String(value)).toString();
  } catch (error) {
    throw error instanceof QuantityError ? new DecodeError(error.message) : error;
  }
}

/** Null inside a list or a map is Go's zero value. */
function zeroOf(schema: Schema): unknown {
  if (schema.format === 'date-time') return null;
  switch (schema.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return schema.intOrString ? 0 : null;
  }
}

function fits(value: number, format: string | undefined): boolean {
  return format === 'int32' ? value === (value | 0) : Number.isSafeInteger(value) || Math.abs(value) < 2 ** 63;
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Times as they are kept, on a day that every month has: what the server itself wrote needs no conversion. */
const KEPT_TIME = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/** Times are kept in UTC to the second, micro times to the microsecond, which they must name. */
function time(schema: Schema, value: string): string | undefined {
  const micro = schema.definition?.endsWith('.MicroTime') ?? false;
  if (!micro && KEPT_TIME.test(value)) return value;
  const match = RFC3339.exec(value);
  const at = match ? Date.parse(value) : Number.NaN;
  if (!match || Number.isNaN(at)) throw notATime(value, micro, value, '2006');
  const seconds = new Date(at).toISOString().slice(0, 19);
  if (!micro) return `${seconds}Z`;
  const [, , , , , , , fraction = '', zone] = match;
  if (fraction.length < 7) throw notATime(value, micro, fraction + zone, '.000000');
  if (fraction.length > 7) throw notATime(value, micro, fraction.slice(7) + zone, 'Z07:00');
  return `${seconds}${fraction}Z`;
}

/** `rest` is what stands where `wanted` should. */
function notATime(value: string, micro: boolean, rest: string, wanted: string): DecodeError {
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  const [text, form, bad, good] = [value, layout, rest, wanted].map((one) => JSON.stringify(one));
  return new DecodeError(`parsing time ${text} as ${form}: cannot parse ${bad} as ${good}`);
}

function mismatch(schema: Schema, value: unknown, path: string, parent: Schema, key: string): DecodeError {
  const owner = parent.definition?.slice(parent.definition.lastIndexOf('.') + 1) ?? '';
  const field = path.replace(/\[\d+\]/g, '');
  const type = schema === parent.properties?.[key] ? goTypeOf(schema) : elementType(parent.properties?.[key], schema);
  return new DecodeError(
    `json: cannot unmarshal ${nameOf(value, schema)} into Go struct field ${owner}.${field} of type ${type}`,
  );
}

function elementType(container: Schema | undefined, schema: Schema): string {
  return container?.goType?.startsWith('[]') ? container.goType.slice(2) : goTypeOf(schema);
}

/** What Go calls a JSON value of the wrong type; a number that does not fit is quoted. */
function nameOf(value: unknown, wanted?: Schema): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return wanted?.type === 'integer' ? `number ${value}` : 'number';
  return typeof value;
}

function goTypeOf(schema: Schema): string {
  if (schema.goType) return schema.goType;
  if (schema.type === 'array') return `[]${schema.items ? goTypeOf(schema.items) : 'interface {}'}`;
  if (schema.type === 'object' && schema.additionalProperties) {
    return `map[string]${goTypeOf(schema.additionalProperties)}`;
  }
  if (schema.type === 'boolean') return 'bool';
  if (schema.type === 'integer') return schema.format ?? 'int';
  if (schema.definition) return goStruct(schema);
  return schema.type ?? 'interface {}';
}

/** `io.k8s.api.core.v1.Pod` → `v1.Pod`. */
function goStruct(schema: Schema): string {
  return schema.definition?.split('.').slice(-2).join('.') ?? 'map[string]interface {}';
}
