// How devices, their pools and what they offer are called (k8s.io/kubernetes v1.36 pkg/apis/resource/validation).
import { type FieldError, invalid, required, tooLong } from '../../field.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  identifierErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../../selectors/syntax.ts';
import { named } from '../checks.ts';
import { csiDriverName } from '../pod/volume-source.ts';
import { type Check, needed } from '../rule-table.ts';

type Text = Check<string | undefined>;

/** In bytes. */
const MAX_POOL = 253;
const MAX_ID = 32;
const MAX_DOMAIN = 63;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const nameBy =
  (rule: (text: string) => string[]): Text =>
  (text = '', field) =>
    named(rule, text, field);

/** Of a device, a request, a counter. */
export const label = nameBy(dns1123LabelErrors);
export const nodeName = nameBy(dns1123SubdomainErrors);
export const labelKey = nameBy(qualifiedNameErrors);
export const labelValue = nameBy(labelValueErrors);
export const className = needed<string>((name, field) => named(dns1123SubdomainErrors, name, field));

export const poolName = needed<string>((name, field) => [
  ...(name.length > MAX_POOL ? [tooLong(field, MAX_POOL)] : []),
  ...name.split('/').flatMap((part) => named(dns1123SubdomainErrors, part, field)),
]);

export const uid: Check<string> = (text, field) => {
  if (UUID.test(text)) return [];
  if (!/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text)) {
    return [invalid(field, text, `error validating uid: invalid UUID length: ${text.length}`)];
  }
  const form = '`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  return [invalid(field, text, `uid must be in RFC 4122 normalized form, ${form}`)];
};

/** `[domain/]name`: of an attribute or a capacity. */
export function qualifiedName(name: string, field: string): FieldError[] {
  const parts = name.split('/');
  if (parts.length > 2) return [];
  const id = parts[parts.length - 1];
  const errors: FieldError[] = [];
  if (parts.length === 2 && !parts[0]) errors.push(invalid(field, '', 'the domain must not be empty'));
  else if (parts.length === 2) errors.push(...csiDriverName(parts[0], field));
  if (parts.length === 2 && !id) return [...errors, invalid(field, '', 'the name must not be empty')];
  if (id.length > MAX_ID) errors.push(tooLong(field, MAX_ID));
  return [...errors, ...named(identifierErrors, id, field)];
}

export const fullyQualifiedName: Check<string> = (name, field) => {
  const errors = qualifiedName(name, field);
  if (name.includes('/')) return errors;
  const why = 'a fully qualified name must be a domain and a name separated by a slash';
  return [...errors, invalid(field, name, why)];
};

/** A key as upstream puts it into the path of a field: the middle of one that is too long is left out. */
export function keyed(field: string, key: string, max: number = MAX_DOMAIN + 1 + MAX_ID): string {
  if (key.length <= max) return `${field}[${key}]`;
  const rest = max - 3;
  return `${field}[${key.slice(0, Math.ceil(rest / 2))}...${key.slice(key.length - Math.floor(rest / 2))}]`;
}

/** The requests of a claim, each with its alternatives. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

const NO_REQUEST =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** `request` or `request/alternative`. */
export function requestOf(names: RequestNames): Text {
  return (text = '', field) => {
    const parts = text.split('/');
    if (parts.length > 2) return [invalid(field, text, NO_REQUEST)];
    const errors = parts.flatMap((part) => label(part, field));
    const alternatives = names.get(parts[0]);
    const isThere = alternatives !== undefined && (parts.length === 1 || alternatives.has(parts[1]));
    return isThere ? errors : [...errors, invalid(field, text, NO_REQUEST)];
  };
}

/** Something of an object, or nothing. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parameters that only a driver reads. `max` in bytes. */
export function rawObject(value: unknown, field: string, max: number): FieldError[] {
  if (value === undefined || value === null) return [required(field)];
  if (JSON.stringify(value).length > max) return [tooLong(field, max)];
  return isObject(value) ? [] : [invalid(field, '<value omitted>', 'must be a valid JSON object')];
}
