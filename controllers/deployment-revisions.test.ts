import { expect, it } from 'vitest';
import type { ReplicaSet } from '../api/types/apps.v1.ts';
import { byRevision, revisionAfter, revisionOf } from './deployment-revisions.ts';

const set = (revision?: string): ReplicaSet => ({
  metadata: {
    name: 'web-1',
    annotations: revision === undefined ? {} : { 'deployment.kubernetes.io/revision': revision },
  },
});

it('counts revisions in 64 bits', () => {
  const sets = ['3546343826724305832', '7', undefined].map(set);
  expect(revisionAfter(sets)).toBe(3546343826724305833n);
  expect(sets.sort(byRevision).map(revisionOf)).toEqual([0n, 7n, 3546343826724305832n]);
});

it.each(['', 'seven', '1.5', '99999999999999999999'])('takes %j for none', (text) => {
  expect(revisionOf(set(text))).toBe(0n);
});
