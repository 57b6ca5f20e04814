import { expect, it } from 'vitest';
import { Bell } from './bell.ts';

const never = new AbortController().signal;

it('wakes at once when it was rung before, and only once for many rings', async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.rung(never);
  let woke = false;
  const second = bell.rung(never).then(() => {
    woke = true;
  });
  await Promise.resolve();
  expect(woke).toBe(false);
  bell.ring();
  await second;
});

it('wakes when its time is over, and when the signal aborts', async () => {
  const bell = new Bell();
  await bell.rung(never, 1);
  const stop = new AbortController();
  const waiting = bell.rung(stop.signal);
  stop.abort();
  await waiting;
  await bell.rung(stop.signal);
});
