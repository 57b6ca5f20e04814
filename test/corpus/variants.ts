// Hostile variants of a good object: every field that its schema knows, left out, emptied, or set to what it should not be; lists
// whose first item is there twice; members of unions side by side.
import { type AnyObject, copyOf } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';

export interface Variant {
  /** `spec.replicas = -1` */
  readonly name: string;
  /** Changes its argument; does nothing where the way to the field is not there. */
  apply(object: AnyObject): void;
}

type Path = ReadonlyArray<string | number>;

const WORDS = ['', 'Not_Valid!', 'a'.repeat(300), 'x'];
const NUMBERS = [-1, 0, 70_000];
const QUANTITIES = ['-1', '1500m'];

/** Of what stands under `part`: `spec`, or `status`; metadata has variants of its own kind. */
export function variantsOf(schema: Schema, seed: AnyObject, part: string): Variant[] {
  const inner = schema.properties?.[part];
  return inner ? walk(inner, seed[part], [part]) : [];
}

function walk(schema: Schema, value: unknown, path: Path): Variant[] {
  const own = [
    ...(value === undefined ? [] : [remove(path)]),
    ...valuesFor(schema, value).map((one) => set(path, one)),
  ];
  return [...own, ...inside(schema, value, path)];
}

function inside(schema: Schema, value: unknown, path: Path): Variant[] {
  if (Array.isArray(value)) {
    const twice = value.length > 0 ? [repeat(path)] : [];
    return [...twice, ...value.flatMap((item, i) => (schema.items ? walk(schema.items, item, [...path, i]) : []))];
  }
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Record<string, unknown>;
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([key, field]) => walk(field, fields[key], [...path, key]));
  }
  const of = schema.additionalProperties;
  if (!of) return [];
  const [first] = Object.values(fields);
  return [
    ...(first === undefined ? [] : [set([...path, 'Not Valid!'], first)]),
    ...Object.entries(fields).flatMap(([key, item]) => walk(of, item, [...path, key])),
  ];
}

/** What the field may hold by its type, and hardly by its meaning. */
function valuesFor(schema: Schema, value: unknown): unknown[] {
  const values = candidates(schema);
  return values.filter((one) => JSON.stringify(one) !== JSON.stringify(value));
}

function candidates(schema: Schema): unknown[] {
  if (schema.definition?.endsWith('api.resource.Quantity')) return QUANTITIES;
  if (schema.intOrString) return [-1, 0, 70_000, 'Not_Valid!', '150%'];
  if (schema.format === 'date-time' || schema.definition?.endsWith('Time')) return ['2020-01-01T00:00:00Z'];
  if (schema.format === 'byte') return ['', 'AAAA'];
  switch (schema.type) {
    case 'string':
      return WORDS;
    case 'integer':
    case 'number':
      return NUMBERS;
    case 'boolean':
      return [true, false];
    case 'array':
      return [[], ...(schema.items ? candidates(schema.items).slice(0, 2) : []).map((item) => [item])];
    default:
      return [{}];
  }
}

const said = (path: Path): string =>
  path.reduce<string>(
    (text, step) => `${text}${typeof step === 'number' ? `[${step}]` : text ? `.${step}` : step}`,
    '',
  );

function holderOf(object: AnyObject, path: Path): Record<string | number, unknown> | undefined {
  let holder: unknown = object;
  for (const step of path.slice(0, -1)) {
    if (typeof holder !== 'object' || holder === null) return undefined;
    holder = (holder as Record<string | number, unknown>)[step];
  }
  return typeof holder === 'object' && holder !== null ? (holder as Record<string | number, unknown>) : undefined;
}

function change(
  name: string,
  path: Path,
  act: (holder: Record<string | number, unknown>, key: string | number) => void,
): Variant {
  return {
    name,
    apply(object): void {
      const holder = holderOf(object, path);
      if (holder) act(holder, path[path.length - 1]);
    },
  };
}

const remove = (path: Path): Variant =>
  change(`${said(path)} left out`, path, (holder, key) => {
    if (Array.isArray(holder)) holder.splice(key as number, 1);
    else delete holder[key];
  });

const set = (path: Path, value: unknown): Variant => {
  const text = JSON.stringify(value);
  return change(`${said(path)} = ${text.length > 40 ? `${text.slice(0, 40)}…` : text}`, path, (holder, key) => {
    holder[key] = copyOf(value);
  });
};

const repeat = (path: Path): Variant =>
  change(`${said(path)}: the first twice`, path, (holder, key) => {
    const list = holder[key];
    if (Array.isArray(list)) list.push(copyOf(list[0]));
  });
