// One step of a path into an object, in the text that FieldsV1 gives it: `f:name` (a field), `k:{"port":80}` (an item of a list that
// is a map), `v:"x"` (an item of a list that is a set), `i:0` (an index). This text is what sets are made of.
// (sigs.k8s.io/structured-merge-diff v6 fieldpath/serialize-pe.go.)
import type { Schema } from '../../api/schema/schema.ts';

/** A value that does not have the shape its schema asks for; `path` as conflicts print it. */
export class TypedError extends Error {
  readonly path: string;

  constructor(message: string, path = '') {
    super(path === '' ? message : `${path}: ${message}`);
    this.name = 'TypedError';
    this.path = path;
  }
}

export function fieldElement(name: string): string {
  return `f:${name}`;
}

/** The names of the fields that tell items of `list` apart, in the order of a key, each with what absence stands for. */
type ItemKey = ReadonlyArray<readonly [name: string, fallback: unknown]>;

const keys = new WeakMap<Schema, ItemKey>();

function keyOf(list: Schema): ItemKey {
  let key = keys.get(list);
  if (!key) {
    const names = list.listMapKeys ?? (list.patchMergeKey ? [list.patchMergeKey] : []);
    key = [...names].sort().map((name) => [name, list.items?.properties?.[name]?.default ?? undefined] as const);
    keys.set(list, key);
  }
  return key;
}

/** Which item of `list` this is. Throws TypedError for an item that cannot be told from others. */
export function itemElement(list: Schema, item: unknown): string {
  const key = keyOf(list);
  return key.length === 0 ? valueElement(item) : keyElement(key, item);
}

function valueElement(item: unknown): string {
  if (Array.isArray(item)) throw new TypedError('not supported: associative list with lists as elements');
  if (item === null) throw new TypedError("associative list without keys has an element that's an explicit null");
  if (typeof item === 'object') throw new TypedError("associative list without keys has an element that's a map type");
  return `v:${JSON.stringify(item)}`;
}

function keyElement(key: ItemKey, item: unknown): string {
  if (item === null) throw new TypedError('associative list with keys may not have a null element');
  if (typeof item !== 'object' || Array.isArray(item)) {
    throw new TypedError('associative list with keys may not have non-map elements');
  }
  let text = '';
  for (const [name, fallback] of key) {
    const value = (item as Record<string, unknown>)[name] ?? fallback;
    // A key field without a value is another key than one with it.
    if (value !== undefined) text += `${text === '' ? '' : ','}"${name}":${JSON.stringify(value)}`;
  }
  if (text !== '') return `k:{${text}}`;
  const names = key.map(([name]) => JSON.stringify(name)).join(' ');
  const why = "(and doesn't have default values for any key fields)";
  throw new TypedError(`associative list with keys has an element that omits all key fields [${names}] ${why}`);
}

/** Fields by name, then keys, then values, each by what they hold: numbers as numbers. */
export function compareElements(a: string, b: string): number {
  const kind = a.charCodeAt(0);
  const isStructured = kind === 107 /* k */ || kind === 118 /* v */ || kind === 105; /* i */
  if (isStructured && kind === b.charCodeAt(0)) return compareValues(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  if (kind !== b.charCodeAt(0)) return RANK.indexOf(a[0]) - RANK.indexOf(b[0]);
  return a < b ? -1 : a > b ? 1 : 0;
}

const RANK = '.fkvi';

/** Upstream's order of values: numbers, strings, booleans, then the rest. */
function compareValues(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) return TYPES.indexOf(typeof a) - TYPES.indexOf(typeof b);
  if (typeof a !== 'object' || a === null || b === null) return (a as string) < (b as string) ? -1 : a === b ? 0 : 1;
  const [left, right] = [Object.entries(a), Object.entries(b as object)];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [[name, value], [otherName, other]] = [left[i], right[i]];
    if (name !== otherName) return name < otherName ? -1 : 1;
    const order = compareValues(value, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const TYPES = ['number', 'string', 'boolean', 'object'];

/**
 * An element as a client wrote it, in the one text that it has here. Undefined for a kind of element that nobody knows yet, which
 * upstream drops. Throws SyntaxError or TypedError for text that is none.
 */
export function canonicalElement(text: string): string | undefined {
  if (text.length < 2) throw new TypedError('key must be 2 characters long:');
  if (text[1] !== ':') throw new TypedError(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v':
      return `v:${JSON.stringify(JSON.parse(rest))}`;
    case 'k': {
      const fields = Object.entries(JSON.parse(rest) as object).sort(([a], [b]) => (a < b ? -1 : 1));
      return `k:{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
    }
    case 'i':
      return `i:${JSON.parse(rest)}`;
    default:
      return undefined;
  }
}

/** As messages print it: `.spec`, `[port=80,protocol="TCP"]`, `[="x"]`, `[0]`. */
export function printElement(element: string): string {
  const rest = element.slice(2);
  if (element[0] === 'f') return `.${rest}`;
  if (element[0] === 'i') return `[${rest}]`;
  if (element[0] === 'v') return `[=${rest}]`;
  const fields = Object.entries(JSON.parse(rest) as object);
  return `[${fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}
