// ConfigMap.
import { ageOf } from '../age.ts';
import { type FieldError, forbidden, invalid, tooLong } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { configKeyErrors } from '../selectors/syntax.ts';
import type { ConfigMap } from '../types/core.v1.ts';
import { named } from './checks.ts';

const MAX_SIZE = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';

export const configMap: Rules<ConfigMap> = {
  validate({ data = {}, binaryData = {} }) {
    const errors: FieldError[] = [];
    let size = 0;
    for (const [key, value] of Object.entries(data)) {
      errors.push(...named(configKeyErrors, key, `data[${key}]`));
      if (Object.hasOwn(binaryData, key))
        errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      size += Buffer.byteLength(value);
    }
    for (const [key, value] of Object.entries(binaryData)) {
      errors.push(...named(configKeyErrors, key, `binaryData[${key}]`));
      size += Buffer.byteLength(value, 'base64');
    }
    return size > MAX_SIZE ? [...errors, tooLong('[]', MAX_SIZE)] : errors;
  },

  validateUpdate(object, old) {
    if (!old.immutable) return [];
    const errors: FieldError[] = [];
    if (!object.immutable) errors.push(forbidden('immutable', FROZEN));
    if (!isEqual(object.data, old.data)) errors.push(forbidden('data', FROZEN));
    if (!isEqual(object.binaryData, old.binaryData)) errors.push(forbidden('binaryData', FROZEN));
    return errors;
  },

  cells: ({ metadata, data = {}, binaryData = {} }, now) => [
    metadata.name,
    Object.keys(data).length + Object.keys(binaryData).length,
    ageOf(metadata.creationTimestamp, now),
  ],
};
