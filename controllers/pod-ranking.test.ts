import { expect, it } from 'vitest';
import type { Pod } from '../api/types/core.v1.ts';
import { podsToDelete } from './pod-ranking.ts';

interface Traits {
  node?: string;
  phase?: 'Pending' | 'Running' | 'Unknown';
  ready?: boolean;
  readySince?: string;
  cost?: string;
  restarts?: number;
  created?: string;
}
const pod = (name: string, traits: Traits = {}): Pod =>
  ({
    metadata: {
      name,
      creationTimestamp: traits.created ?? '2026-01-01T00:00:00Z',
      ...(traits.cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': traits.cost } }),
    },
    spec: { nodeName: traits.node ?? 'node-1', containers: [] },
    status: {
      phase: traits.phase ?? 'Running',
      conditions: [
        {
          type: 'Ready',
          status: (traits.ready ?? true) ? 'True' : 'False',
          lastTransitionTime: traits.readySince ?? '2026-01-01T00:00:00Z',
        },
      ],
      containerStatuses: [{ name: 'c', restartCount: traits.restarts ?? 0 }],
    },
  }) as unknown as Pod;

// Each row: the pod that goes first, although the other would by every rule that comes after.
it.each<[rule: string, goes: Traits, stays: Traits]>([
  ['unbound before bound', { node: '' }, { phase: 'Pending', ready: false }],
  ['pending before running', { phase: 'Pending', cost: '9' }, { ready: false }],
  ['unready before ready', { ready: false, cost: '9' }, { cost: '-9' }],
  ['cheap before dear', { cost: '-1' }, { cost: '10', restarts: 3, created: '2026-01-02T00:00:00Z' }],
  ['ready for a short time before a long time', { readySince: '2026-01-01T00:05:00Z' }, { restarts: 3 }],
  ['often restarted before steady', { restarts: 2 }, { restarts: 1, created: '2026-01-02T00:00:00Z' }],
  ['young before old', { created: '2026-01-02T00:00:00Z' }, {}],
])('%s', (_rule, goes, stays) => {
  const both = [pod('a-stays', stays), pod('b-goes', goes)];
  expect(podsToDelete(both, both, 1).map(({ metadata }) => metadata.name)).toEqual(['b-goes']);
  expect(podsToDelete(both.reverse(), both, 1).map(({ metadata }) => metadata.name)).toEqual(['b-goes']);
});

it('takes from the node where most pods of the same work are, counting those of other owners', () => {
  const lonely = pod('a', { node: 'node-1' });
  const crowded = pod('b', { node: 'node-2' });
  const related = [lonely, crowded, pod('of-another-set', { node: 'node-2' })];
  expect(podsToDelete([lonely, crowded], related, 1)).toEqual([crowded]);
});

it('takes no more than asked', () => {
  const all = [pod('a'), pod('b'), pod('c')];
  expect(podsToDelete(all, all, 0)).toEqual([]);
  expect(podsToDelete(all, all, 2)).toHaveLength(2);
});
