// A set of fields, kept as the very tree that FieldsV1 shows: `{"f:data":{".":{},"f:x":{}}}`. What was read from the store is a set at
// once, and a set is written by JSON.stringify. Nobody changes a set: operations answer a new one, sharing what did not change.
// (sigs.k8s.io/structured-merge-diff v6 fieldpath/set.go.)
import type { Schema } from '../../api/schema/schema.ts';
import { canonicalElement, compareElements, printElement, TypedError } from './path-element.ts';
import { isAtomic } from './relation.ts';

/**
 * By element. An element is in the set when what lies below it is empty or has '.'; otherwise only something below it is. Elements
 * stand in order ('.' first); below no element is a set that has nothing. `undefined` is the empty set.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const LEAF: FieldSet = Object.freeze({});

/** Below an element that is in the set, with nothing below itself. */
export const leaf = (): FieldSet => LEAF;

/** Whether the element with `below` under it is in the set itself. */
export function isMember(below: FieldSet): boolean {
  if (below['.'] !== undefined) return true;
  for (const _ in below) return false;
  return true;
}

function hasChildren(below: FieldSet): boolean {
  for (const element in below) if (element !== '.') return true;
  return false;
}

type Pair = readonly [element: string, below: FieldSet];

/** What lies below an element: the element itself if `member`, and `children`, in any order. */
export function below(member: boolean, children: readonly Pair[]): FieldSet | undefined {
  if (children.length === 0) return member ? LEAF : undefined;
  const set: Record<string, FieldSet> = {};
  if (member) set['.'] = LEAF;
  for (const [element, inner] of inOrder(children)) set[element] = inner;
  return set;
}

function inOrder(children: readonly Pair[]): readonly Pair[] {
  for (let i = 1; i < children.length; i++) {
    if (compareElements(children[i - 1][0], children[i][0]) > 0) {
      return [...children].sort(([a], [b]) => compareElements(a, b));
    }
  }
  return children;
}

/** The root is no element: it cannot be a member. */
export function rootOf(children: readonly Pair[]): FieldSet | undefined {
  return below(false, children);
}

function childrenOf(set: FieldSet): Pair[] {
  const children: Pair[] = [];
  for (const element in set) if (element !== '.') children.push([element, set[element]]);
  return children;
}

export function has(set: FieldSet | undefined, path: readonly string[]): boolean {
  let at = set;
  for (const element of path) at = at?.[element];
  return at !== undefined && path.length > 0 && isMember(at);
}

/** What of the set lies below `element`, without the element itself; undefined when nothing does. */
export function within(set: FieldSet | undefined, element: string): FieldSet | undefined {
  const inner = set?.[element];
  return inner && hasChildren(inner) ? inner : undefined;
}

/** What is in either. One of the two itself when it holds the other. */
export function union(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a && b ? withAll(a, b) : (a ?? b);
}

/** `a` with what lies below `b`; whether it is a member itself stays as it is. */
function withAll(a: FieldSet, b: FieldSet): FieldSet {
  const replaced = replacedBy(a, b, unionBelow);
  let fresh: Pair[] | undefined;
  for (const element in b) {
    if (element === '.' || a[element] !== undefined) continue;
    fresh ??= [];
    fresh.push([element, b[element]]);
  }
  if (!replaced && !fresh) return a;
  const set = replaced ? withReplaced(a, a['.'] !== undefined, replaced)! : a;
  return fresh ? below(set['.'] !== undefined, [...childrenOf(set), ...fresh])! : set;
}

function unionBelow(a: FieldSet, b: FieldSet): FieldSet {
  const merged = withAll(a, b);
  const lacksItself = merged['.'] === undefined && hasChildren(merged);
  return lacksItself && (isMember(a) || isMember(b)) ? { '.': LEAF, ...merged } : merged;
}

/** What is in both. */
export function intersection(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a && b && rootOf(common(a, b));
}

function common(a: FieldSet, b: FieldSet): Pair[] {
  const children: Pair[] = [];
  for (const [element, inner] of childrenOf(a)) {
    const other = b[element];
    if (other === undefined) continue;
    const both = below(isMember(inner) && isMember(other), common(inner, other));
    if (both) children.push([element, both]);
  }
  return children;
}

/** What is in `a` and not in `b`. An element of `b` takes away itself, not what lies below it. `a` itself when nothing goes. */
export function difference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  return a && b ? differenceBelow(a, b, 'root') : a;
}

/** Looks only where `b` has something: what a write changes is little of what there is. */
function differenceBelow(a: FieldSet, b: FieldSet, at: 'root' | 'element'): FieldSet | undefined {
  const replaced = replacedBy(a, b, (inner, other) => differenceBelow(inner, other, 'element'));
  const was = at === 'element' && isMember(a);
  const isStill = was && !isMember(b);
  return !replaced && was === isStill ? a : withReplaced(a, isStill, replaced);
}

type Replacements = Map<string, FieldSet | undefined>;

/** What `replace` makes of the elements of `a` that `b` has too, where that is something else; undefined for nothing. */
function replacedBy(
  a: FieldSet,
  b: FieldSet,
  replace: (inner: FieldSet, other: FieldSet) => FieldSet | undefined,
): Replacements | undefined {
  let replaced: Replacements | undefined;
  for (const element in b) {
    const inner = element === '.' ? undefined : a[element];
    if (inner === undefined) continue;
    const kept = replace(inner, b[element]);
    if (kept === inner) continue;
    replaced ??= new Map();
    replaced.set(element, kept);
  }
  return replaced;
}

/** A copy in the order of `set`: made in one go, as taking keys out of a copy makes it slow for whoever reads it. */
function withReplaced(set: FieldSet, member: boolean, replaced: Replacements | undefined): FieldSet | undefined {
  let copy: Record<string, FieldSet> | undefined;
  for (const element in set) {
    if (element === '.') continue;
    const inner = replaced?.has(element) ? replaced.get(element) : set[element];
    if (inner === undefined) continue;
    copy ??= member ? { '.': LEAF } : {};
    copy[element] = inner;
  }
  return copy ?? (member ? LEAF : undefined);
}

/** What is in `a`, neither in `b` nor below something of `b`. `a` itself when nothing goes. */
export function recursiveDifference(a: FieldSet | undefined, b: FieldSet | undefined): FieldSet | undefined {
  if (!a || !b) return a;
  const replaced = replacedBy(a, b, (inner, other) => (isMember(other) ? undefined : keepBelow(inner, other)));
  return replaced ? withReplaced(a, false, replaced) : a;
}

function keepBelow(inner: FieldSet, other: FieldSet): FieldSet | undefined {
  const rest = recursiveDifference(inner, other);
  if (rest === inner) return inner;
  return withReplaced(rest ?? LEAF, isMember(inner), undefined);
}

/** The set with every declared field that something lies below; fields are removed only when they are members. */
export function withNamedFields(set: FieldSet | undefined, schema: Schema | undefined): FieldSet | undefined {
  return set && rootOf(named(set, schema));
}

function named(set: FieldSet, schema: Schema | undefined): Pair[] {
  return childrenOf(set).map(([element, inner]) => {
    const declared = element[0] === 'f' ? schema?.properties?.[element.slice(2)] : undefined;
    const next = declared ?? (element[0] === 'f' ? schema?.additionalProperties : schema?.items);
    return [element, below(isMember(inner) || declared !== undefined, named(inner, next))!] as const;
  });
}

/** Calls `visit` with the path of every element of the set: those of a level first, then what lies below each. */
export function forEachPath(set: FieldSet | undefined, visit: (path: readonly string[]) => void): void {
  const walk = (at: FieldSet, path: readonly string[]): void => {
    const children = childrenOf(at);
    for (const [element, inner] of children) if (isMember(inner)) visit([...path, element]);
    for (const [element, inner] of children) walk(inner, [...path, element]);
  };
  if (set) walk(set, []);
}

export function printPath(path: readonly string[]): string {
  return path.map(printElement).join('');
}

/**
 * A set as a client sent it: brought in order, unknown kinds of elements left out, and what lies below something that its schema says
 * is one value taken up by that. Throws TypedError or SyntaxError for what is no set.
 */
export function readFieldSet(value: unknown, schema: Schema): FieldSet | undefined {
  return rootOf(read(value ?? {}, schema));
}

function read(value: unknown, schema: Schema | undefined): Pair[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypedError('expected a map');
  const children = new Map<string, FieldSet>();
  for (const [text, inner] of Object.entries(value)) {
    const element = text === '.' ? undefined : canonicalElement(text);
    if (element === undefined) continue;
    const next = childSchema(schema, element);
    const isWhole = inner === null || Object.hasOwn(inner, '.') || Object.keys(inner).length === 0;
    const pairs = read(inner ?? {}, next);
    const set = next && isAtomic(next) ? LEAF : below(isWhole || pairs.length === 0, pairs)!;
    const before = children.get(element);
    children.set(element, before ? unionBelow(before, set) : set);
  }
  return [...children];
}

function childSchema(schema: Schema | undefined, element: string): Schema | undefined {
  if (element[0] !== 'f') return schema?.items;
  return schema?.properties?.[element.slice(2)] ?? schema?.additionalProperties;
}
