import { describe, expect, it } from 'vitest';
import type { Node, Pod, Taint, Toleration } from '../../api/types/core.v1.ts';
import { isTolerated, refusalOf } from './filters.ts';
import { nodeView } from './node-view.ts';
import { verdictOf } from './verdict.ts';

const taint: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };

describe('a toleration', () => {
  it.each<[Partial<Toleration>, boolean]>([
    [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' }, true],
    [{ key: 'k', value: 'v' }, true],
    [{ key: 'k', operator: 'Exists' }, true],
    [{ operator: 'Exists' }, true],
    [{ operator: 'Exists', effect: 'NoExecute' }, false],
    [{ key: 'k', value: 'other' }, false],
    [{ key: 'other', operator: 'Exists' }, false],
    [{ value: 'v' }, false],
  ])('%j: %s', (toleration, tolerated) => {
    expect(isTolerated(toleration, taint)).toBe(tolerated);
  });
});

describe('a node without room', () => {
  const node = { metadata: { name: 'n' }, status: { allocatable: { cpu: '1', pods: '2' } } } as unknown as Node;
  const pod = (cpu: string): Pod =>
    ({
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] },
    }) as unknown as Pod;

  it.each<[asked: string, there: string[], reasons: string[] | undefined, evictable?: boolean]>([
    ['1', [], undefined],
    ['600m', ['500m'], ['Insufficient cpu'], true],
    ['2', [], ['Insufficient cpu'], false],
    ['100m', ['100m', '100m'], ['Too many pods'], true],
    ['900m', ['100m', '100m'], ['Too many pods', 'Insufficient cpu'], true],
  ])('asked for %s beside %j', (asked, there, reasons, evictable) => {
    const view = nodeView(node, there.map(pod));
    expect(refusalOf(pod(asked), view, [view])).toEqual(reasons && { reasons, evictable });
  });

  it('is told with the number of nodes for each reason', () => {
    const full = { reasons: ['Insufficient cpu', 'Too many pods'], evictable: true };
    const small = { reasons: ['Insufficient cpu'], evictable: false };
    expect(verdictOf(pod('1'), [full, small])).toBe(
      '0/2 nodes are available: 1 Too many pods, 2 Insufficient cpu. no new claims to deallocate, preemption: ' +
        '0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    );
  });
});
