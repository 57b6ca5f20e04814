// Validation as tables: a struct's checks are rows, one a field, in the order in which upstream makes them. A check says what is
// wrong with a value; whether the value must be there is its row's to say.
import { duplicate, type FieldError, forbidden, notSupported, required, tooMany } from '../field.ts';

/** `field` is the path of `value`, as `spec.ports[0].name`. The answer is the caller's to keep and add to. */
export type Check<T> = (value: T, field: string) => FieldError[];

type Maybe<T> = T | undefined;
type Rows<T> = { readonly [K in keyof T]?: Check<T[K]> };

/** Checks the fields that have a row. */
export function structOf<T extends object>(rows: Rows<T>): Check<T> {
  const checks = Object.entries(rows) as unknown as ReadonlyArray<[keyof T & string, Check<T[keyof T]>]>;
  return (value, field) => {
    let errors: FieldError[] = [];
    for (const [key, check] of checks) errors = joined(errors, check(value[key], `${field}.${key}`));
    return errors;
  };
}

/** Go cannot tell an empty string or list from one that is not there, and shows some as null; a zero is a value here. */
export function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

/** The value must be there, and then pass. */
export function needed<T>(check?: Check<T>, detail = ''): Check<Maybe<T>> {
  return (value, field) => {
    if (isMissing(value)) return [required(field, detail)];
    return check ? check(value as T, field) : [];
  };
}

/** The value must be there, and then pass; an empty one is there. */
export function given<T>(check: Check<T>): Check<Maybe<T>> {
  return (value, field) => (value === undefined || value === null ? [required(field)] : check(value, field));
}

/** Nothing is wrong with a value that is not there; an empty string is there. */
export function maybe<T>(check: Check<T>): Check<Maybe<T>> {
  return (value, field) => (value === undefined || value === null ? [] : check(value, field));
}

/** As `maybe`, for a field that Go holds by value: an empty one is not there. */
export function unlessEmpty<T>(check: Check<T>): Check<Maybe<T>> {
  return (value, field) => (isMissing(value) ? [] : check(value as T, field));
}

/** Every item of a list. */
export function each<T>(check: Check<T>): Check<Maybe<readonly T[]>> {
  return (list, field) => {
    if (!list) return [];
    let errors: FieldError[] = [];
    for (let i = 0; i < list.length; i++) errors = joined(errors, check(list[i], `${field}[${i}]`));
    return errors;
  };
}

/** A list with a limit: of one that is too long no item is looked at. Items with the same `key` are duplicates. */
export function listOf<T>(
  check: Check<T>,
  { max = Number.POSITIVE_INFINITY, key }: { readonly max?: number; key?(item: T): string },
): Check<Maybe<readonly T[]>> {
  return (given, field) => {
    const list = given ?? [];
    if (list.length > max) return [tooMany(field, list.length, max)];
    const errors = each(check)(list, field);
    if (!key) return errors;
    const taken = new Set<string>();
    for (const [i, item] of list.entries()) {
      if (taken.has(key(item))) errors.push(duplicate(`${field}[${i}]`, key(item)));
      taken.add(key(item));
    }
    return errors;
  };
}

/** One of `words`, in the order in which upstream lists them. */
export function among(...words: string[]): Check<string> {
  return (value, field) => (words.includes(value) ? [] : [notSupported(field, value, words)]);
}

/** One after the other. */
export function both<T>(...checks: ReadonlyArray<Check<T>>): Check<T> {
  return (value, field) => checks.flatMap((check) => check(value, field));
}

export interface Member<T> {
  readonly of: keyof T & string;
  readonly check: (value: never, field: string) => FieldError[];
  /** Where upstream calls the member otherwise than its JSON does: as one too many, and as the place of an error inside. */
  readonly extraName?: string;
  readonly innerName?: string;
  /** Upstream forgets to count this one, and never finds it one too many. */
  readonly isForgotten?: true;
}

/** A union: the first member counts and is checked, the others are `tooMany`; none is `none`. */
export function memberOf<T extends object>(
  members: ReadonlyArray<Member<T>>,
  words: { readonly tooMany: string; readonly none: string },
): Check<T> {
  return (value, field) => {
    let errors: FieldError[] = [];
    let isTaken = false;
    for (const { of, check, extraName = of, innerName = of, isForgotten } of members) {
      const member = value[of];
      if (member === undefined) continue;
      errors = joined(
        errors,
        isTaken && !isForgotten
          ? [forbidden(`${field}.${extraName}`, words.tooMany)]
          : check(member as never, `${field}.${innerName}`),
      );
      isTaken = true;
    }
    return isTaken ? errors : joined(errors, [required(field, words.none)]);
  };
}

/** Nearly always both are empty, and nothing is copied. */
export function joined(errors: FieldError[], more: FieldError[]): FieldError[] {
  if (more.length === 0) return errors;
  return errors.length === 0 ? more : [...errors, ...more];
}
