import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/types/core.v1.ts';
import { ImageError, type PulledImage } from '../runtime.ts';
import { ImagePull } from './image-pull.ts';
import type { PodContext } from './pod-context.ts';

/** `answers` one after the other: an image, or why there is none. */
function puller(spec: Partial<Container>, answers: (PulledImage | ImageError)[]) {
  let now = 1_000_000;
  const told: string[] = [];
  const context = {
    clock: { now: () => now },
    recorder: {
      record: ({ type, reason, message, fieldPath }: Record<string, string>) => {
        expect(fieldPath).toBe('spec.containers{c}');
        told.push(`${type} ${reason}: ${message}`);
      },
    },
    runtime: {
      async pull() {
        const answer = answers.shift()!;
        if (answer instanceof ImageError) throw answer;
        return answer;
      },
    },
  } as unknown as PodContext;
  const container: Container = { name: 'c', image: 'web:1', ...spec };
  const pod: Pod = { metadata: { name: 'p', uid: 'u' }, spec: { containers: [container] } };
  const pull = new ImagePull({ context, spec: container, pod: () => pod });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { pull, told, wait };
}

const image: PulledImage = { id: 'web@sha256:1', sizeBytes: 7 };
const notFound = new ImageError('not found; there are echo');

describe('an image that is there', () => {
  it.each<[Container['imagePullPolicy'], string[]]>([
    [
      'IfNotPresent',
      ['Normal Pulled: Container image "web:1" already present on machine and can be accessed by the pod'],
    ],
    [
      'Always',
      [
        'Normal Pulling: Pulling image "web:1"',
        'Normal Pulled: Successfully pulled image "web:1" in 0ms (0ms including waiting). Image size: 7 bytes.',
      ],
    ],
  ])('is told of by %s', async (imagePullPolicy, events) => {
    const { pull, told } = puller({ imagePullPolicy }, [image]);
    expect(await pull.pull()).toBe(image);
    expect(told).toEqual(events);
    expect(pull.waiting).toBeUndefined();
  });

  it('says once what stands in for it', async () => {
    const standIn: PulledImage = { ...image, notice: { type: 'Warning', message: 'echo stands in' } };
    const { pull, told } = puller({}, [standIn, standIn]);
    await pull.pull();
    await pull.pull();
    expect(told.filter((text) => text === 'Warning StandIn: echo stands in')).toHaveLength(1);
  });
});

describe('an image that is not there', () => {
  it('is an error for a second, then waited for longer and longer, until it comes', async () => {
    const { pull, told, wait } = puller({}, [notFound, notFound, image]);
    expect(await pull.pull()).toBeUndefined();
    expect(pull.waiting).toEqual({ reason: 'ErrImagePull', message: 'not found; there are echo' });
    expect(pull.remaining()).toBe(1000);
    wait(1000);
    expect(pull.remaining()).toBe(9000);
    expect(pull.waiting).toEqual({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "web:1": ErrImagePull: not found; there are echo',
    });
    wait(9000);
    expect(pull.remaining()).toBe(0);
    await pull.pull();
    wait(1000);
    expect(pull.remaining()).toBe(19_000);
    wait(19_000);
    expect(await pull.pull()).toBe(image);
    expect(pull.waiting).toBeUndefined();
    expect(told.slice(0, 5)).toEqual([
      'Normal Pulling: Pulling image "web:1"',
      'Warning Failed: Failed to pull image "web:1": not found; there are echo',
      'Warning Failed: Error: ErrImagePull',
      'Normal BackOff: Back-off pulling image "web:1"',
      'Warning Failed: Error: ImagePullBackOff',
    ]);
  });

  it.each<[Partial<Container>, ImageError, string]>([
    [{ imagePullPolicy: 'Never' }, notFound, 'ErrImageNeverPull'],
    [{}, new ImageError('no name', 'InvalidImageName'), 'InvalidImageName'],
  ])('with %j waits for ever: %s', async (spec, error, reason) => {
    const { pull, told } = puller(spec, [error]);
    await pull.pull();
    expect(pull.waiting?.reason).toBe(reason);
    expect(told.at(-1)).toBe(`Warning Failed: Error: ${reason}`);
  });
});
