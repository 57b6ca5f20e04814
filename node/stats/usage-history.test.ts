import { expect, it } from 'vitest';
import type { Clock } from '../../host/clock.ts';
import type { ContainerState, NodeUsage } from '../runtime.ts';
import { UsageHistory } from './usage-history.ts';

/** Time moves on only by `pass`, and with it whoever sleeps. */
class SteppedClock implements Clock {
  #now = 1_000_000;
  #wake = (): void => {};

  now(): number {
    return this.#now;
  }

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal?.addEventListener('abort', () => resolve());
    });
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
  }

  async wake(): Promise<void> {
    this.#wake();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const used = (cpuSeconds: number, containers: Record<string, number>): NodeUsage => ({
  node: { cpuSeconds, memoryBytes: 1 },
  containers: new Map(Object.entries(containers).map(([id, seconds]) => [id, { cpuSeconds: seconds, memoryBytes: 7 }])),
});

it('reckons from a look that is old enough, or from the start of a container', async () => {
  const clock = new SteppedClock();
  let usage = used(10, { old: 4 });
  const startedAt = clock.now() + 16_000;
  const runtime = { usage: () => usage, status: (id: string) => ({ id, startedAt }) as ContainerState };
  const history = new UsageHistory(runtime, clock);
  const stop = new AbortController();
  const running = history.run(stop.signal);
  expect(history.now().node).toBeUndefined();

  await clock.pass(15_000);
  usage = used(20, { old: 5 });
  await clock.wake();
  await clock.pass(5000);
  usage = used(30, { old: 6, young: 2 });
  const now = history.now();
  expect(now.node).toMatchObject({ cores: 1, windowMs: 20_000, cpuSeconds: 30 });
  expect(now.containers.get('old')).toEqual({ cores: 0.1, windowMs: 20_000, cpuSeconds: 6, memoryBytes: 7 });
  expect(now.containers.get('young')).toMatchObject({ cores: 0.5, windowMs: 4000 });

  usage = used(5, { old: 1 });
  expect(history.now().containers.get('old')).toMatchObject({ cores: 0 });
  stop.abort();
  await running;
});
