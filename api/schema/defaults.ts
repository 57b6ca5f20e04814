// Defaults that a schema states: filled in where a field is absent, on every level that is there.
import type { Kind } from '../kind.ts';
import { type AnyObject, copyOf } from '../object.ts';
import type { Schema } from './schema.ts';

/** Fills in, in place, the schema's defaults and then those of the kind's rules. */
export function applyDefaults(kind: Pick<Kind, 'schema' | 'rules'>, object: AnyObject): void {
  fillDefaults(kind.schema, object);
  kind.rules.default?.(object);
}

/** Fills in, in place, the defaults that `schema` states. */
export function fillDefaults(schema: Schema, object: Record<string, unknown>): void {
  const { properties } = schema;
  if (properties) {
    // What is there first: objects have fewer fields than their schemas.
    for (const key in object) if (properties[key]) fillInner(properties[key], object[key]);
    for (const [key, field] of schema.defaulted ?? defaultedOf(properties)) {
      if (object[key] === undefined) fill(object, key, field);
    }
  } else if (schema.additionalProperties && hasInner(schema.additionalProperties)) {
    for (const value of Object.values(object)) fillInner(schema.additionalProperties, value);
  }
}

function fill(object: Record<string, unknown>, key: string, field: Schema): void {
  const value = copyOf(field.default);
  object[key] = value;
  fillInner(field, value);
}

function defaultedOf(properties: NonNullable<Schema['properties']>): NonNullable<Schema['defaulted']> {
  return Object.entries(properties).filter(([, field]) => field.default !== undefined);
}

function fillInner(schema: Schema, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) fillDefaults(schema, value as Record<string, unknown>);
  else if (schema.items && hasInner(schema.items)) for (const item of value) fillInner(schema.items, item);
}

function hasInner(schema: Schema): boolean {
  return schema.type === 'object' || schema.type === 'array';
}
