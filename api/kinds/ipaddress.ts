// IPAddress of networking.k8s.io/v1: one service address in use, named after itself.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import type { IPAddress, ParentReference } from '../types/networking.v1.ts';

export const ipAddress: Rules<IPAddress> = {
  validate({ spec }) {
    const parent = spec?.parentRef;
    const field = 'spec.parentRef';
    if (!parent) return [required(field)];
    const errors: FieldError[] = [];
    if (!parent.resource) errors.push(required(`${field}.resource`));
    if (!parent.name) errors.push(required(`${field}.name`));
    return errors;
  },

  validateUpdate({ spec }, { spec: old }) {
    if (isEqual(spec?.parentRef, old?.parentRef)) return [];
    return [invalid('spec.parentRef', quoted(spec?.parentRef), 'field is immutable')];
  },

  /** The age has no column of its own, and is printed all the same. */
  cells({ metadata, spec }, now) {
    const { group, resource, namespace, name } = spec?.parentRef ?? { name: '', resource: '' };
    const qualified = group ? `${resource}.${group}` : resource;
    return [
      metadata.name,
      [qualified, namespace, name].filter(Boolean).join('/'),
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};

/** As Go prints the struct. */
function quoted(parent: ParentReference | undefined): unknown {
  if (!parent) return null;
  const { group = '', resource = '', namespace = '', name = '' } = parent;
  return { Group: group, Resource: resource, Namespace: namespace, Name: name };
}
