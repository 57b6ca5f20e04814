// Secret.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, required, tooLong } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { configKeyErrors } from '../selectors/syntax.ts';
import type { Secret } from '../types/core.v1.ts';
import { immutable, named } from './checks.ts';

const MAX_SIZE = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';
const TOKEN = 'kubernetes.io/service-account-token';
const ACCOUNT = 'kubernetes.io/service-account.name';

/** Keys that a type of secret must have. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export const secret: Rules<Secret> = {
  default(object) {
    object.type ??= 'Opaque';
    // stringData is write-only.
    for (const [key, value] of Object.entries(object.stringData ?? {})) {
      object.data = { ...object.data, [key]: Buffer.from(value).toString('base64') };
    }
    delete object.stringData;
  },

  validate({ metadata, type = '', data = {} }) {
    const errors: FieldError[] = [];
    let size = 0;
    for (const [key, value] of Object.entries(data)) {
      errors.push(...named(configKeyErrors, key, `data[${key}]`));
      size += Buffer.byteLength(value, 'base64');
    }
    if (size > MAX_SIZE) errors.push(tooLong('data', MAX_SIZE));
    if (type === TOKEN && !metadata.annotations?.[ACCOUNT]) errors.push(required(`metadata.annotations[${ACCOUNT}]`));
    const isNameless = !Object.hasOwn(data, 'username') && !Object.hasOwn(data, 'password');
    if (type === 'kubernetes.io/basic-auth' && isNameless) {
      errors.push(required('data[username]'), required('data[password]'));
    }
    for (const key of NEEDED[type] ?? []) if (!Object.hasOwn(data, key)) errors.push(required(`data[${key}]`));
    return errors;
  },

  validateUpdate(object, old) {
    const errors = immutable(object.type, old.type, 'type');
    if (!old.immutable) return errors;
    if (!object.immutable) errors.push(forbidden('immutable', FROZEN));
    if (!isEqual(object.data, old.data)) errors.push(forbidden('data', FROZEN));
    return errors;
  },

  fields: ({ type }) => ({ type: type ?? '' }),

  cells: ({ metadata, type, data = {} }, now) => [
    metadata.name,
    type ?? '',
    Object.keys(data).length,
    ageOf(metadata.creationTimestamp, now),
  ],
};
