import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runWorkers } from './workers.ts';
import { WorkQueue } from './workqueue.ts';

describe('WorkQueue', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('hands a key out once, however often it was added', async () => {
    const queue = new WorkQueue();
    for (const key of ['a', 'b', 'a']) queue.add(key);
    expect([await queue.take(), await queue.take(), queue.length]).toEqual(['a', 'b', 0]);
  });

  it('keeps a key that is being processed back until it is done', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.take();
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await queue.take()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('wakes a worker that waits', async () => {
    const queue = new WorkQueue();
    const taken = queue.take();
    queue.add('a');
    expect(await taken).toBe('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.shutDown();
    expect(await queue.take()).toBeUndefined();
  });

  it('doubles the wait of a key that keeps failing, up to its limit, until forgotten', async () => {
    const queue = new WorkQueue({ baseDelayMs: 5, maxDelayMs: 30 });
    for (const ms of [5, 10, 20, 30, 30]) {
      queue.addRateLimited('a');
      await vi.advanceTimersByTimeAsync(ms - 1);
      expect(queue.length).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(queue.length).toBe(1);
      await queue.take();
      queue.done('a');
    }
    queue.forget('a');
    queue.addRateLimited('a');
    await vi.advanceTimersByTimeAsync(5);
    expect(queue.length).toBe(1);
  });

  it('keeps the earliest of several delays', async () => {
    const queue = new WorkQueue();
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('a', 50);
    await vi.advanceTimersByTimeAsync(10);
    expect(await queue.take()).toBe('a');
    queue.done('a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(queue.length).toBe(0);
  });
});

describe('runWorkers', () => {
  it('never works on one key twice at once, on no more than its share, and retries failures', async () => {
    const queue = new WorkQueue({ baseDelayMs: 1 });
    const stop = new AbortController();
    const active = new Set<string>();
    const failed: string[] = [];
    let most = 0;
    let runs = 0;
    const running = runWorkers(
      {
        queue,
        concurrency: 3,
        async reconcile(key) {
          expect(active.has(key)).toBe(false);
          active.add(key);
          most = Math.max(most, active.size);
          queue.add('a');
          await new Promise((resolve) => setImmediate(resolve));
          active.delete(key);
          runs += 1;
          if (runs === 2) throw new Error('once');
          if (runs > 20) stop.abort();
        },
        onError: (key) => failed.push(key),
      },
      stop.signal,
    );
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key);
    await running;
    expect(most).toBe(3);
    expect(failed).toHaveLength(1);
    expect(active.size).toBe(0);
  });
});
