import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/types/core.v1.ts';
import type { ContainerState } from '../runtime.ts';
import type { ContainerView } from './container-status.ts';
import { type PodView, podPhase, podStatus } from './pod-status.ts';

const running: ContainerState = { id: 'u_c_0', running: true, pid: 7, startedAt: 1000 };
const ended = (exitCode: number): ContainerState => ({ ...running, running: false, exitCode, finishedAt: 2000 });

function container(name: string, view: Partial<ContainerView> = {}, spec: Partial<Container> = {}): ContainerView {
  return { spec: { name, image: 'echo', ...spec }, restartCount: 0, isStarted: true, isReady: true, ...view };
}

function pod(
  policy: 'Always' | 'OnFailure' | 'Never',
  containers: ContainerView[],
  init: ContainerView[] = [],
): PodView {
  const object: Pod = {
    metadata: { name: 'web', namespace: 'default', uid: 'u', generation: 2 },
    spec: { restartPolicy: policy, containers: containers.map(({ spec }) => spec) },
  };
  return {
    pod: object,
    containers,
    initContainers: init,
    hostIPs: ['192.168.1.10'],
    podIPs: ['10.244.1.2'],
    startedAt: 0,
  };
}

describe('phase', () => {
  it.each([
    ['not started', pod('Always', [container('a')]), 'Pending'],
    ['one of two not started', pod('Always', [container('a', { current: running }), container('b')]), 'Pending'],
    ['running', pod('Always', [container('a', { current: running })]), 'Running'],
    ['ended, will restart', pod('Always', [container('a', { current: ended(0) })]), 'Running'],
    ['failed, will restart', pod('OnFailure', [container('a', { current: ended(1) })]), 'Running'],
    ['done', pod('OnFailure', [container('a', { current: ended(0) })]), 'Succeeded'],
    ['failed for good', pod('Never', [container('a', { current: ended(1) })]), 'Failed'],
    [
      'one failed, one runs',
      pod('Never', [container('a', { current: ended(1) }), container('b', { current: running })]),
      'Running',
    ],
    ['init runs', pod('Always', [container('a')], [container('i', { current: running })]), 'Pending'],
    ['init failed for good', pod('Never', [container('a')], [container('i', { current: ended(1) })]), 'Failed'],
    [
      'sidecar and container run',
      pod(
        'Always',
        [container('a', { current: running })],
        [container('i', { current: running }, { restartPolicy: 'Always' })],
      ),
      'Running',
    ],
  ] as const)('%s: %s', (_name, view, phase) => {
    expect(podPhase(view)).toBe(phase);
  });
});

const conditionsOf = (view: PodView): Record<string, string> =>
  Object.fromEntries(
    podStatus(view, undefined, 5000).conditions!.map(({ type, status, reason, message }) => [
      type,
      [status, reason, message].filter(Boolean).join(' | '),
    ]),
  );

describe('status', () => {
  it('of a running pod is Ready and says where it is', () => {
    const status = podStatus(pod('Always', [container('a', { current: running, imageID: 'i' })]), undefined, 5000);
    expect(status).toMatchObject({
      observedGeneration: 2,
      phase: 'Running',
      hostIP: '192.168.1.10',
      podIP: '10.244.1.2',
      podIPs: [{ ip: '10.244.1.2' }],
      startTime: '1970-01-01T00:00:00Z',
    });
    expect(status.containerStatuses![0]).toMatchObject({
      name: 'a',
      ready: true,
      started: true,
      state: { running: { startedAt: '1970-01-01T00:00:01Z' } },
      containerID: expect.stringMatching(/^vitrine:\/\/[0-9a-f]{64}$/),
    });
    expect(status.conditions!.map(({ type, status: is }) => `${type}=${is}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ]);
  });

  it('names the containers that are not ready', () => {
    const view = pod('Always', [
      container('a', { current: running }),
      container('b', { current: running, isReady: false }),
    ]);
    expect(conditionsOf(view).Ready).toBe('False | ContainersNotReady | containers with unready status: [b]');
  });

  it('is not Ready before the startup probe has succeeded', () => {
    const view = pod('Always', [container('a', { current: running, isStarted: false })]);
    expect(conditionsOf(view).ContainersReady).toMatch(/^False/);
  });

  it('waits for readiness gates of others', () => {
    const view = pod('Always', [container('a', { current: running })]);
    view.pod.spec!.readinessGates = [{ conditionType: 'example.com/lb' }];
    expect(conditionsOf(view)).toMatchObject({
      ContainersReady: 'True',
      Ready:
        'False | ReadinessGatesNotReady | corresponding condition of pod readiness gate "example.com/lb" does not exist.',
    });
  });

  it('keeps the time of a condition that has not changed', () => {
    const view = pod('Always', [container('a', { current: running })]);
    const first = podStatus(view, undefined, 5000);
    const later = podStatus(view, first, 99_000);
    expect(later).toEqual(first);
    const unready = podStatus(pod('Always', [container('a', { current: ended(1) })]), first, 99_000);
    const timeOf = (type: string) => unready.conditions!.find((one) => one.type === type)!.lastTransitionTime;
    expect([timeOf('Ready'), timeOf('Initialized')]).toEqual(['1970-01-01T00:01:39Z', '1970-01-01T00:00:05Z']);
  });

  it('shows a crash loop as waiting, and the crash as the last state', () => {
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off' };
    const view = pod('Always', [container('a', { current: ended(137), waiting, restartCount: 3 })]);
    expect(podStatus(view, undefined, 5000).containerStatuses![0]).toMatchObject({
      state: { waiting },
      lastState: { terminated: { exitCode: 137, reason: 'Error', finishedAt: '1970-01-01T00:00:02Z' } },
      restartCount: 3,
      ready: false,
    });
  });

  it('says why a container could not be started', () => {
    const view = pod('Never', [
      container('a', { current: { ...ended(128), startedAt: 0, startError: 'no such file' } }),
    ]);
    expect(podStatus(view, undefined, 5000).containerStatuses![0].state?.terminated).toMatchObject({
      exitCode: 128,
      reason: 'StartError',
      message: 'no such file',
      startedAt: '1970-01-01T00:00:00Z',
    });
  });
});

describe('what a pod says of its end', () => {
  const failure = { reason: 'DeadlineExceeded', message: 'too long' };

  it('is why the node gave it up', () => {
    const status = podStatus({ ...pod('Always', [container('a', { current: running })]), failure }, undefined, 5000);
    expect(status).toMatchObject({ phase: 'Failed', ...failure });
  });

  it.each([
    [0, 'Succeeded'],
    [1, 'Failed'],
  ])('is how its containers ended with %d when nothing starts again: %s', (exitCode, phase) => {
    expect(podPhase({ ...pod('Always', [container('a', { current: ended(exitCode) })]), isTerminal: true })).toBe(
      phase,
    );
  });

  it.each([
    [{ ...ended(137), oomKilled: true }, 'OOMKilled', undefined],
    [{ ...ended(255), isLost: true }, 'Unknown', undefined],
    [{ ...ended(128), startError: 'no such file' }, 'StartError', 'no such file'],
    [{ ...ended(3), message: 'bye' }, 'Error', 'bye'],
    [ended(0), 'Completed', undefined],
  ])('is told of each container: %j %s', (current, reason, message) => {
    const status = podStatus(pod('Never', [container('a', { current })]), undefined, 5000);
    const { terminated } = status.containerStatuses![0].state!;
    expect([terminated!.reason, terminated!.message]).toEqual([reason, message]);
  });
});

describe('sidecars', () => {
  const sidecar = (view: Partial<ContainerView>): ContainerView => container('side', view, { restartPolicy: 'Always' });

  it('are part of whether the pod is ready', () => {
    const view = pod('Always', [container('a', { current: running })], [sidecar({ current: running, isReady: false })]);
    expect(conditionsOf(view)).toMatchObject({
      Initialized: 'True',
      Ready: 'False | ContainersNotReady | containers with unready status: [side]',
    });
  });

  it('that restart do not make the pod pending again', () => {
    const view = pod(
      'Always',
      [container('a', { current: running })],
      [sidecar({ current: ended(1), restartCount: 0 })],
    );
    expect(podPhase(view)).toBe('Running');
    expect(conditionsOf(view).Initialized).toBe('True');
  });

  it('and init containers let the others wait for them', () => {
    const status = podStatus(pod('Always', [container('a')], [container('i')]), undefined, 5000);
    expect(status.containerStatuses![0].state).toEqual({ waiting: { reason: 'PodInitializing' } });
  });
});
