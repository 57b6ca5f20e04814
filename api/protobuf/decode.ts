// From `application/vnd.kubernetes.protobuf` to the value its JSON would be. kubectl and client-go write the objects of typed
// clients this way and do not fall back when it is refused; answers are always JSON, which they accept. Field numbers are
// facts/protobuf.json's, types the schema's. Go's zero values stay: `decode` takes them out, as it does for JSON.
import numbers from '../facts/protobuf.json' with { type: 'json' };
import type { Schema } from '../schema/schema.ts';
import { bytesOf, fields, ProtobufError, type Value } from './wire.ts';

type Place = string | { readonly inline: string };
const NUMBERS = numbers as Readonly<Record<string, Readonly<Record<string, Place>>>>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
/** Messages that hold an encoded document. */
const DOCUMENTS = new Set([
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  `${META}FieldsV1`,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
]);

/** `k8s` and a zero byte stand before every object (k8s.io/apimachinery v0.36 pkg/runtime/serializer/protobuf). */
const MAGIC = Buffer.from('k8s\0');

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

/** Opens runtime.Unknown. Throws ProtobufError when this is none. */
export function openEnvelope(body: Buffer): Envelope {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw new ProtobufError('the body does not begin with k8s\\0');
  let apiVersion = '';
  let kind = '';
  let raw: Buffer = Buffer.alloc(0);
  for (const [number, value] of fields(body.subarray(MAGIC.length))) {
    if (number === 2) raw = bytesOf(value);
    if (number !== 1) continue;
    for (const [inner, text] of fields(bytesOf(value))) {
      if (inner === 1) apiVersion = bytesOf(text).toString();
      if (inner === 2) kind = bytesOf(text).toString();
    }
  }
  return { apiVersion, kind, raw };
}

/** The message as the object its JSON would parse to. Numbers it does not know are skipped, as protobuf readers do. */
export function decodeMessage(schema: Schema, message: Buffer): Record<string, unknown> {
  if (!schema.definition || !NUMBERS[schema.definition]) throw new ProtobufError(`no message for ${schema.definition}`);
  const object: Record<string, unknown> = {};
  readInto(object, schema, schema.definition, message);
  return object;
}

/** `definition` is the schema's own, or that of a struct embedded in it. */
function readInto(object: Record<string, unknown>, schema: Schema, definition: string, message: Buffer): void {
  for (const [number, value] of fields(message)) {
    const place = NUMBERS[definition]?.[number];
    if (place === undefined) continue;
    if (typeof place === 'object') {
      readInto(object, schema, place.inline, bytesOf(value));
      continue;
    }
    const field = schema.properties?.[place];
    if (!field) continue;
    if (field.type === 'array') {
      object[place] ??= [];
      (object[place] as unknown[]).push(read(field.items ?? {}, value));
    } else if (field.additionalProperties) {
      const [key, item] = readMapEntry(field.additionalProperties, bytesOf(value));
      object[place] ??= Object.create(null);
      (object[place] as Record<string, unknown>)[key] = item;
    } else object[place] = read(field, value);
  }
}

function readMapEntry(schema: Schema, entry: Buffer): [key: string, value: unknown] {
  let key = '';
  let item: unknown = schema.type === 'string' ? '' : {};
  for (const [number, value] of fields(entry)) {
    if (number === 1) key = bytesOf(value).toString();
    else if (number === 2) item = read(schema, value);
  }
  return [key, item];
}

function read(schema: Schema, value: Value): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return schema.type === 'boolean' ? value !== 0n : Number(BigInt.asIntN(64, value));
  if (schema.definition && DOCUMENTS.has(schema.definition)) return readDocument(value);
  if (schema.intOrString) return readIntOrString(value);
  // A list inside a map is a message with one repeated field (authorization's ExtraValue).
  if (schema.type === 'array') return [...fields(value)].map(([, item]) => read(schema.items ?? {}, item));
  if (schema.type === 'object') return decodeMessage(schema, value);
  if (schema.type === 'string') return readString(schema, value);
  if (schema.type === undefined) return readWrapped(value); // Quantity: a message around its text
  throw new ProtobufError('wrong wireType');
}

function readString(schema: Schema, value: Buffer): unknown {
  if (schema.format === 'byte') return value.toString('base64');
  if (schema.format === 'date-time') return readTime(schema, value);
  if (schema.definition === `${META}Duration`) throw new ProtobufError('durations are not spoken');
  return value.toString();
}

/** Seconds and nanoseconds since the epoch; both absent is Go's zero time, which JSON writes as null. */
function readTime(schema: Schema, message: Buffer): string | null {
  let seconds = 0;
  let nanoseconds = 0;
  for (const [number, value] of fields(message)) {
    if (typeof value !== 'bigint') throw new ProtobufError('wrong wireType');
    if (number === 1) seconds = Number(BigInt.asIntN(64, value));
    else if (number === 2) nanoseconds = Number(value);
  }
  if (seconds === 0 && nanoseconds === 0) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const micro = schema.definition === `${META}MicroTime`;
  return micro ? `${whole}.${String(Math.floor(nanoseconds / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

function readIntOrString(message: Buffer): unknown {
  const parts = new Map(fields(message));
  if (parts.get(1) === 1n) return bytesOf(parts.get(3) ?? Buffer.alloc(0)).toString();
  return Number(BigInt.asIntN(32, (parts.get(2) ?? 0n) as bigint));
}

function readWrapped(message: Buffer): string {
  for (const [number, value] of fields(message)) if (number === 1) return bytesOf(value).toString();
  return '0';
}

function readDocument(message: Buffer): unknown {
  for (const [number, value] of fields(message)) if (number === 1) return JSON.parse(bytesOf(value).toString());
  return null;
}
