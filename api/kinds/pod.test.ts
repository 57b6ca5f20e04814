import { describe, expect, it } from 'vitest';
import type { ContainerStatus, Pod, PodSpec } from '../types/core.v1.ts';
import { podCells } from './pod/pod-cells.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { qosClassOf } from './pod/qos.ts';
import { pod } from './pod.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const base: Pod = {
  metadata: { name: 'web', creationTimestamp: '2026-01-01T00:55:00Z' },
  spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'i' }] },
};
const container = (status: Partial<ContainerStatus>): ContainerStatus => ({
  name: 'c',
  image: 'i',
  imageID: '',
  ready: false,
  restartCount: 0,
  ...status,
});
const running = { running: { startedAt: '2026-01-01T00:56:00Z' } };

describe('what kubectl shows of a pod', () => {
  it.each<[string, Partial<Pod>, unknown[]]>([
    ['pending', { status: { phase: 'Pending' } }, ['0/1', 'Pending', '0']],
    [
      'running',
      { status: { phase: 'Running', containerStatuses: [container({ ready: true, state: running })] } },
      ['1/1', 'Running', '0'],
    ],
    [
      'waiting',
      {
        status: {
          phase: 'Pending',
          containerStatuses: [container({ state: { waiting: { reason: 'ErrImagePull' } } })],
        },
      },
      ['0/1', 'ErrImagePull', '0'],
    ],
    [
      'killed by a signal',
      {
        status: {
          phase: 'Failed',
          containerStatuses: [container({ state: { terminated: { exitCode: 137, signal: 9 } } })],
        },
      },
      ['0/1', 'Signal:9', '0'],
    ],
    [
      'restarted',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            container({
              ready: true,
              restartCount: 2,
              state: running,
              lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:59:30Z' } },
            }),
          ],
        },
      },
      ['1/1', 'Running', '2 (30s ago)'],
    ],
    [
      'terminating',
      { metadata: { ...base.metadata, deletionTimestamp: '2026-01-01T01:00:30Z' }, status: { phase: 'Running' } },
      ['0/1', 'Terminating', '0'],
    ],
    [
      'initializing',
      {
        spec: { ...base.spec!, initContainers: [{ name: 'i', image: 'i' }] },
        status: { phase: 'Pending', initContainerStatuses: [container({ name: 'i', state: running })] },
      },
      ['0/1', 'Init:0/1', '0'],
    ],
  ])('%s', (_state, part, cells) => {
    const row = podCells({ ...base, ...part }, NOW);
    expect(row.slice(1, 4)).toEqual(cells);
    expect(row[4]).toBe('5m');
    expect(row[6]).toBe('node-1');
  });
});

describe('a pod', () => {
  it('pulls always what has no tag', () => {
    const images = ['app', 'app:latest', 'app:1', 'localhost:5000/app', 'app@sha256:0'];
    const spec: PodSpec = { containers: images.map((image, i) => ({ name: `c${i}`, image })) };
    defaultPodSpec(spec);
    expect(spec.containers.map(({ imagePullPolicy }) => imagePullPolicy)).toEqual([
      'Always',
      'Always',
      'IfNotPresent',
      'Always',
      'IfNotPresent',
    ]);
  });

  it('has a class by what it asks for', () => {
    const classOf = (resources: object) => qosClassOf({ containers: [{ name: 'c', resources }] });
    expect(classOf({})).toBe('BestEffort');
    expect(classOf({ requests: { cpu: '1' } })).toBe('Burstable');
    expect(classOf({ limits: { cpu: '1', memory: '1Gi' } })).toBe('Guaranteed');
    expect(classOf({ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } })).toBe('Burstable');
  });

  it('needs no time to stop where nothing runs', () => {
    expect(pod.gracePeriodSeconds!({ ...base, spec: { containers: [] } })).toBe(0);
    expect(pod.gracePeriodSeconds!({ ...base, status: { phase: 'Succeeded' } })).toBe(0);
    expect(pod.gracePeriodSeconds!(base)).toBe(30);
    expect(pod.gracePeriodSeconds!({ ...base, spec: { ...base.spec!, terminationGracePeriodSeconds: 5 } })).toBe(5);
  });

  it('may change its image, and little else', () => {
    const change = (spec: Partial<PodSpec>) =>
      pod.validateUpdate!({ ...base, spec: { ...base.spec!, ...spec } }, base, '').map(({ field }) => field);
    expect(change({ containers: [{ name: 'c', image: 'other' }] })).toEqual([]);
    expect(change({ tolerations: [{ key: 'x', operator: 'Exists' }] })).toEqual([]);
    expect(change({ containers: [{ name: 'c', image: 'i', command: ['x'] }] })).toEqual(['spec']);
    expect(change({ nodeName: 'node-2' })).toEqual(['spec']);
  });
});
