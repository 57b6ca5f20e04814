// How the parts of a value belong together: what its schema says server-side apply may own apart
// (k8s.io/kube-openapi pkg/schemaconv: list types, and patch strategies where there is none).
import type { Schema } from '../../api/schema/schema.ts';

/**
 * `scalar` and `atomic` are owned as a whole. `map`: field by field. `associative`: a list, item by item. `deduced`: no schema says
 * anything, so that maps are owned field by field and everything else as a whole.
 */
export type Relation = 'scalar' | 'atomic' | 'map' | 'associative' | 'deduced';

/** Asked for every value of every write, so that it is read from the schema once. */
const relations = new WeakMap<Schema, Relation>();

export function relationOf(schema: Schema): Relation {
  let relation = relations.get(schema);
  if (!relation) {
    relation = readRelation(schema);
    relations.set(schema, relation);
  }
  return relation;
}

function readRelation(schema: Schema): Relation {
  if (schema.type === 'array') return isAssociative(schema) ? 'associative' : 'atomic';
  if (schema.type !== 'object') return schema.preserveUnknownFields && !schema.type ? 'atomic' : 'scalar';
  if (schema.mapType === 'atomic') return 'atomic';
  if (schema.properties || schema.additionalProperties) return 'map';
  // RawExtension and the like: built-in types that hold a whole object of some other type.
  return schema.definition ? 'atomic' : 'deduced';
}

function isAssociative({ listType, patchStrategy }: Schema): boolean {
  return listType === undefined ? patchStrategy?.includes('merge') === true : listType !== 'atomic';
}

export function isAtomic(schema: Schema): boolean {
  const relation = relationOf(schema);
  return relation === 'atomic' || relation === 'scalar';
}

/** What lies in a field of a map: undefined where the schema does not know it. */
export function fieldSchema(schema: Schema, name: string): Schema | undefined {
  const { properties } = schema;
  return (
    properties?.[name] ??
    schema.additionalProperties ??
    (schema.preserveUnknownFields || !properties ? DEDUCED : undefined)
  );
}

/** Of what no schema describes. */
export const DEDUCED: Schema = { type: 'object' };

/** What lies in a list. */
export function itemSchema(list: Schema): Schema {
  return list.items ?? DEDUCED;
}

/** The field of that name, or of no name that was inherited from somewhere. */
export function valueIn(map: Record<string, unknown> | undefined, name: string): unknown {
  const value = map?.[name];
  return typeof value === 'function' || (name === '__proto__' && map && !Object.hasOwn(map, name)) ? undefined : value;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isEmptyMap(map: Record<string, unknown> | undefined): boolean {
  for (const name in map) if (map[name] !== undefined) return false;
  return true;
}
