// Reviews that upstream refuses, with the fields that it names.
import { expect, it } from 'vitest';
import type { ObjectMeta } from '../object.ts';
import { type AccessReviewKind, validateAccessReview } from './access-review.ts';

const get = { verb: 'get', resource: 'pods', namespace: 'a' };
const NOTHING = {} as ObjectMeta;

it.each<[AccessReviewKind, object, Partial<ObjectMeta>, string[]]>([
  ['SelfSubjectAccessReview', { resourceAttributes: get }, {}, []],
  ['SelfSubjectAccessReview', { resourceAttributes: get }, { name: '' }, []],
  ['SelfSubjectAccessReview', { resourceAttributes: get }, { name: 'x' }, ['metadata']],
  ['SelfSubjectAccessReview', {}, {}, ['spec.resourceAttributes']],
  ['SubjectAccessReview', { resourceAttributes: get }, {}, ['spec.user']],
  ['SubjectAccessReview', { groups: ['g'], nonResourceAttributes: { path: '/' } }, {}, []],
  ['LocalSubjectAccessReview', { user: 'u', resourceAttributes: get }, { namespace: 'a' }, []],
  [
    'LocalSubjectAccessReview',
    { user: 'u', resourceAttributes: get, nonResourceAttributes: {} },
    { namespace: 'b' },
    ['spec.nonResourceAttributes', 'spec.resourceAttributes.namespace', 'spec.nonResourceAttributes'],
  ],
  [
    'SelfSubjectAccessReview',
    {
      resourceAttributes: {
        ...get,
        fieldSelector: {},
        labelSelector: { rawSelector: 'a', requirements: [{ key: '', operator: 'In' }] },
      },
    },
    {},
    [
      'spec.resourceAttributes.fieldSelector.requirements',
      'spec.resourceAttributes.labelSelector.rawSelector',
      'spec.resourceAttributes.labelSelector.requirements[0].values',
      'spec.resourceAttributes.labelSelector.requirements[0].key',
      'spec.resourceAttributes.labelSelector.requirements[0].key',
    ],
  ],
])('%s of %j', (kind, spec, metadata, fields) => {
  const errors = validateAccessReview(kind, { metadata: { ...NOTHING, ...metadata }, spec });
  expect(errors.map(({ field }) => field)).toEqual(fields);
});
