import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../api/types/apps.v1.ts';
import type { IntOrString } from '../api/types/util.intstr.ts';
import { budgetOf, newReplicas, rescale, shrinkOld } from './deployment-scale.ts';

const deployment = (
  replicas: number,
  maxSurge: IntOrString = '25%',
  maxUnavailable: IntOrString = '25%',
): Deployment => ({
  metadata: { name: 'd' },
  spec: {
    replicas,
    selector: {},
    template: { metadata: { name: '' }, spec: { containers: [] } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  },
});
const set = (name: string, replicas: number, available = replicas, max = 0): ReplicaSet => ({
  metadata: {
    name,
    creationTimestamp: name,
    annotations: max
      ? { 'deployment.kubernetes.io/max-replicas': `${max}`, 'deployment.kubernetes.io/desired-replicas': '0' }
      : {},
  },
  spec: { replicas, selector: {} },
  status: { replicas, availableReplicas: available },
});
const sizes = (changes: { set: ReplicaSet; replicas: number }[]) =>
  Object.fromEntries(changes.map(({ set: { metadata }, replicas }) => [metadata.name, replicas]));

describe('budgets', () => {
  it.each([
    [4, '25%', '25%', 1, 1],
    [3, '25%', '25%', 1, 0],
    [10, '25%', '25%', 3, 2],
    [1, 0, 0, 0, 1],
    [2, 1, 5, 1, 2],
  ] as const)('of %i with surge %s and unavailable %s', (replicas, surge, unavailable, maxSurge, maxUnavailable) => {
    expect(budgetOf(deployment(replicas, surge, unavailable))).toEqual({ desired: replicas, maxSurge, maxUnavailable });
  });
});

describe('a rollout', () => {
  it('adds new pods as far as the surge allows', () => {
    expect(newReplicas(deployment(3, 1, 0), [set('old', 3)], undefined)).toBe(1);
    expect(newReplicas(deployment(3, 1, 0), [set('old', 3), set('new', 1)], set('new', 1))).toBe(1);
    expect(newReplicas(deployment(3, 1, 0), [], undefined)).toBe(3);
  });

  it('removes old pods only as far as enough stay available', () => {
    expect(sizes(shrinkOld(deployment(3, 1, 0), set('new', 1, 0), [set('old', 3)]))).toEqual({});
    expect(sizes(shrinkOld(deployment(3, 1, 0), set('new', 1, 1), [set('old', 3)]))).toEqual({ old: 2 });
    expect(sizes(shrinkOld(deployment(4, 2, 1), set('new', 2, 0), [set('old', 4)]))).toEqual({ old: 3 });
  });

  it('removes broken old pods first', () => {
    const old = [set('1', 2, 2), set('2', 2, 0)];
    expect(sizes(shrinkOld(deployment(3, 2, 0), set('new', 1, 1), old))).toEqual({ 2: 0 });
  });
});

describe('scaling', () => {
  it('changes the only active set', () => {
    expect(sizes(rescale(deployment(5), set('new', 3), [set('old', 0)]))).toEqual({ new: 5 });
  });

  it('in the middle of a rollout shares out in proportion', () => {
    expect(sizes(rescale(deployment(8, 2, 1), set('new', 3, 0, 6), [set('old', 3, 3, 6)]))).toEqual({ new: 5, old: 5 });
    expect(sizes(rescale(deployment(0, 2, 1), set('new', 3, 0, 6), [set('old', 3, 3, 6)]))).toEqual({ new: 0, old: 0 });
  });
});
