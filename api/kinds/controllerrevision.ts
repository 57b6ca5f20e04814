// ControllerRevision of apps/v1.
import { ageOf } from '../age.ts';
import { required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { controllerOf } from '../object.ts';
import type { ControllerRevision } from '../types/apps.v1.ts';
import { immutable, nonNegative } from './checks.ts';

export const controllerRevision: Rules<ControllerRevision> = {
  validate: ({ revision, data }, old) => [
    ...(old || data !== undefined ? [] : [required('data', 'data is mandatory')]),
    ...nonNegative(revision, 'revision'),
  ],

  validateUpdate: (object, old) => immutable(object.data, old.data, 'data'),

  cells(object, now) {
    const { metadata, revision } = object;
    const owner = controllerOf(object);
    const group = owner?.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
    return [
      metadata.name,
      owner ? `${owner.kind.toLowerCase()}${group}/${owner.name}` : '<none>',
      revision,
      ageOf(metadata.creationTimestamp, now),
    ];
  },
};
