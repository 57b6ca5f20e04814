// Field errors: what is wrong with which field, in upstream's words
// (k8s.io/apimachinery v0.36 pkg/util/validation/field/errors.go).

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

const WORDS: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

/** Types whose message does not quote the value. */
const UNQUOTED = new Set<FieldErrorType>([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'InternalError',
]);

/** In place of a value that is too large or too deep to be quoted. */
export const OMITTED: unique symbol = Symbol('omitted');

export class FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  readonly value: unknown;
  readonly detail: string;

  constructor(type: FieldErrorType, field: string, value: unknown, detail: string) {
    this.type = type;
    this.field = field;
    this.value = value;
    this.detail = detail;
  }

  /** The message without the field: `Invalid value: "x": must be …`. */
  body(): string {
    const isBare = UNQUOTED.has(this.type) || this.value === OMITTED;
    const head = isBare ? WORDS[this.type] : `${WORDS[this.type]}: ${quote(this.value)}`;
    return this.detail ? `${head}: ${this.detail}` : head;
  }

  toString(): string {
    return `${this.field}: ${this.body()}`;
  }
}

/** A map as Go prints it: sorted by key. Structs keep the order of their fields, so this is the caller's to say. */
export function sortedMap(map: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> | null {
  if (!map) return null;
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Values as Go prints them in field errors: strings quoted, numbers and booleans bare, the rest as JSON. */
function quote(value: unknown): string {
  return value === undefined || value === null ? 'null' : JSON.stringify(value);
}

export const required = (field: string, detail = ''): FieldError =>
  new FieldError('FieldValueRequired', field, '', detail);
export const invalid = (field: string, value: unknown, detail: string): FieldError =>
  new FieldError('FieldValueInvalid', field, value, detail);
export const forbidden = (field: string, detail: string): FieldError =>
  new FieldError('FieldValueForbidden', field, '', detail);
export const duplicate = (field: string, value: unknown): FieldError =>
  new FieldError('FieldValueDuplicate', field, value, '');
export const notFound = (field: string, value: unknown): FieldError =>
  new FieldError('FieldValueNotFound', field, value, '');
/** `supported` in the order to be said: upstream sorts some lists and keeps others as declared. */
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  new FieldError(
    'FieldValueNotSupported',
    field,
    value,
    supported.length ? `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}` : '',
  );
/** `max` in bytes. */
export const tooLong = (field: string, max: number): FieldError =>
  new FieldError('FieldValueTooLong', field, '', max >= 0 ? `may not be more than ${max} bytes` : '');
export const tooMany = (field: string, actual: number, max: number): FieldError =>
  new FieldError('FieldValueTooMany', field, actual, `must have at most ${max} item${max === 1 ? '' : 's'}`);
