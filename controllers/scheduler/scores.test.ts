import { expect, it } from 'vitest';
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { nodeView } from './node-view.ts';
import { bestOf } from './scores.ts';

interface PodTraits {
  owner?: string;
  cpu?: string;
  deleted?: boolean;
}
const pod = ({ owner, cpu, deleted }: PodTraits = {}, spec: object = {}): Pod =>
  ({
    metadata: {
      name: 'p',
      ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ...(owner && { ownerReferences: [{ kind: 'ReplicaSet', name: owner, uid: owner, controller: true }] }),
    },
    spec: { containers: [{ name: 'c', resources: { requests: cpu ? { cpu } : {} } }], ...spec },
  }) as unknown as Pod;
const node = (name: string, spec: Node['spec'] = {}, labels: Record<string, string> = {}): Node =>
  ({
    metadata: { name, labels },
    spec,
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } },
  }) as unknown as Node;
const prefersSSD = {
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } },
      ],
    },
  },
};
const soft = { taints: [{ key: 'slow', effect: 'PreferNoSchedule' as const }] };
const ssd = { disk: 'ssd' };

// Each row: node-2 is better by this rule, though node-1 is by those after it.
it.each<[rule: string, wanted: Pod, first: [Node, Pod[]], second: [Node, Pod[]]]>([
  ['no unwanted taint', pod({}, prefersSSD), [node('node-1', soft, ssd), []], [node('node-2'), [pod()]]],
  [
    'what the pod prefers',
    pod({ owner: 'a' }, prefersSSD),
    [node('node-1'), []],
    [node('node-2', {}, ssd), [pod({ owner: 'a' })]],
  ],
  [
    'fewer of its kind',
    pod({ owner: 'a' }),
    [node('node-1'), [pod({ owner: 'a' })]],
    [node('node-2'), [pod({ cpu: '2' }), pod()]],
  ],
  [
    'those on their way out do not count',
    pod({ owner: 'a' }),
    [node('node-1'), [pod({ owner: 'a' })]],
    [node('node-2'), [pod({ owner: 'a', deleted: true }), pod()]],
  ],
  ['more free', pod(), [node('node-1'), [pod({ cpu: '3' })]], [node('node-2'), [pod(), pod()]]],
  ['fewer pods', pod(), [node('node-1'), [pod(), pod()]], [node('node-2'), [pod()]]],
])('%s', (_rule, wanted, [one, onOne], [two, onTwo]) => {
  const views = [nodeView(one, onOne), nodeView(two, onTwo)];
  expect(bestOf(wanted, views).node.metadata.name).toBe('node-2');
  expect(bestOf(wanted, views.reverse()).node.metadata.name).toBe('node-2');
});

it('equals go by name', () => {
  const views = [nodeView(node('node-2'), []), nodeView(node('node-1'), [])];
  expect(bestOf(pod(), views).node.metadata.name).toBe('node-1');
});
