// RuntimeClass of node.k8s.io/v1.
import { ageOf } from '../age.ts';
import { required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { dns1123LabelErrors } from '../selectors/syntax.ts';
import type { RuntimeClass } from '../types/node.v1.ts';
import { immutable, named } from './checks.ts';

export const runtimeClass: Rules<RuntimeClass> = {
  validate: ({ handler }) => (handler ? named(dns1123LabelErrors, handler, 'handler') : [required('handler')]),
  validateUpdate: (object, old) => immutable(object.handler, old.handler, 'handler'),
  cells: ({ metadata, handler }, now) => [metadata.name, handler, ageOf(metadata.creationTimestamp, now)],
};
