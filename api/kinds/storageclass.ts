// StorageClass and VolumeAttributesClass of storage.k8s.io/v1 (k8s.io/kubernetes v1.36 pkg/apis/storage/validation).
import { ageOf } from '../age.ts';
import { duplicate, type FieldError, forbidden, invalid, required, tooLong } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { StorageClass, VolumeAttributesClass } from '../types/storage.v1.ts';
import { immutable, named } from './checks.ts';
import { validateTopologyTerm } from './pod/node-selector.ts';
import { among, maybe, unlessEmpty } from './rule-table.ts';

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const MAX_PARAMETERS = 512;
/** In bytes, keys and values together. */
const MAX_SIZE = 256 * 1024;

export const storageClass: Rules<StorageClass> = {
  deleteAnswersObject: true,

  default(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },

  validate: ({ provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies }) => [
    ...validateDriver(provisioner, 'provisioner'),
    ...validateParameters(parameters, 'parameters'),
    ...unlessEmpty<string>(among('Delete', 'Retain'))(reclaimPolicy, 'reclaimPolicy'),
    ...maybe(among('Immediate', 'WaitForFirstConsumer'))(volumeBindingMode, 'volumeBindingMode'),
    ...validateTopologies(allowedTopologies ?? []),
  ],

  validateUpdate: (object, old) =>
    (['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const).flatMap((field) =>
      immutable(object[field], old[field], field),
    ),

  cells: ({ metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion }, now) => [
    metadata.annotations?.[DEFAULT] === 'true' ? `${metadata.name} (default)` : metadata.name,
    provisioner,
    reclaimPolicy ?? 'Delete',
    volumeBindingMode ?? '<unset>',
    allowVolumeExpansion ?? false,
    ageOf(metadata.creationTimestamp, now),
  ],
};

export const volumeAttributesClass: Rules<VolumeAttributesClass> = {
  deleteAnswersObject: true,

  validate: ({ driverName, parameters }) => [
    ...validateDriver(driverName, 'driverName'),
    ...validateParameters(parameters, 'parameters'),
    ...(Object.keys(parameters ?? {}).length > 0
      ? []
      : [required('parameters', 'must contain at least one key/value pair')]),
  ],

  validateUpdate: (object, old) =>
    (['driverName', 'parameters'] as const).flatMap((field) =>
      isEqual(object[field], old[field]) ? [] : [forbidden(field, `updates to ${field} are forbidden.`)],
    ),

  cells: ({ metadata, driverName }, now) => [metadata.name, driverName, ageOf(metadata.creationTimestamp, now)],
};

function validateDriver(name: string | undefined, field: string): FieldError[] {
  return name ? named(qualifiedNameErrors, name.toLowerCase(), field) : [required(field)];
}

function validateParameters(parameters: Readonly<Record<string, string>> = {}, field: string): FieldError[] {
  const entries = Object.entries(parameters);
  const errors = entries.length > MAX_PARAMETERS ? [tooLong(field, MAX_PARAMETERS)] : [];
  if (Object.hasOwn(parameters, '')) errors.push(invalid(field, '', 'field can not be empty.'));
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return size > MAX_SIZE ? [...errors, tooLong(field, MAX_SIZE)] : errors;
}

/** A term of no expressions is one that is always there already, to upstream. */
function validateTopologies(terms: NonNullable<StorageClass['allowedTopologies']>): FieldError[] {
  return terms.flatMap((term, i) => {
    const field = `allowedTopologies[${i}]`;
    const errors = validateTopologyTerm(term, field);
    const isEmpty = !term.matchLabelExpressions?.length;
    const isRepeated = isEmpty || terms.slice(0, i).some((other) => isEqual(other, term));
    return isRepeated ? [...errors, duplicate(`${field}.matchLabelExpressions`, '')] : errors;
  });
}
