// Defaults that a schema states: filled in where a field is absent, on every level that is there.
import type { Kind } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import type { Schema } from './schema.ts';

/** Fills in, in place, the schema's defaults and then those of the kind's rules. */
export function applyDefaults(kind: Pick<Kind, 'schema' | 'rules'>, object: AnyObject): void {
  fillDefaults(kind.schema, object);
  kind.rules.default?.(object);
}

/** Fills in, in place, the defaults that `schema` states. */
export function fillDefaults(schema: Schema, object: Record<string, unknown>): void {
  const properties = schema.properties;
  if (properties) fillStruct(properties, object);
  else if (schema.additionalProperties && hasInner(schema.additionalProperties)) {
    for (const value of Object.values(object)) fillInner(schema.additionalProperties, value);
  }
}

function fillStruct(properties: Readonly<Record<string, Schema>>, object: Record<string, unknown>): void {
  for (const key in properties) {
    const field = properties[key];
    let value = object[key];
    if (value === undefined) {
      if (field.default === undefined) continue;
      value = clone(field.default);
      object[key] = value;
    }
    fillInner(field, value);
  }
}

function fillInner(schema: Schema, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) fillDefaults(schema, value as Record<string, unknown>);
  else if (schema.items && hasInner(schema.items)) for (const item of value) fillInner(schema.items, item);
}

function hasInner(schema: Schema): boolean {
  return schema.type === 'object' || schema.type === 'array';
}

function clone(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}
