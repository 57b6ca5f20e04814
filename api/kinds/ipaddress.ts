// IPAddress of networking.k8s.io/v1: one service address in use, named after itself.
import { ageOf } from '../age.ts';
import { invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import { dns1123SubdomainErrors, pathSegmentErrors } from '../selectors/syntax.ts';
import type { IPAddress, ParentReference } from '../types/networking.v1.ts';
import { named } from './checks.ts';
import { type Check, needed, structOf, unlessEmpty } from './rule-table.ts';

const segment: Check<string> = (text, field) => named(pathSegmentErrors, text, field);
const validateParent = structOf<ParentReference>({
  group: unlessEmpty((group, field) => named(dns1123SubdomainErrors, group, field)),
  resource: needed(segment),
  name: needed(segment),
  namespace: unlessEmpty(segment),
});

export const ipAddress: Rules<IPAddress> = {
  validate({ spec }) {
    const parent = spec?.parentRef;
    const field = 'spec.parentRef';
    if (!parent) return [required(field)];
    return validateParent(parent, field);
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
