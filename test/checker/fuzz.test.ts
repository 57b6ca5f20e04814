// A short trial of made requests; `npm run check:fuzz` makes longer ones.
import { expect, it } from 'vitest';
import { judgeRequests } from './judge-requests.ts';

it('makes no request that the server answers late, with a fault of its own, or with its end', async () => {
  const { problems, statuses } = await judgeRequests({
    seed: 77,
    requests: 1000,
    signal: new AbortController().signal,
  });
  expect(problems).toEqual([]);
  // Some are right, and those that are wrong are so in more ways than one.
  expect(Object.keys(statuses)).toEqual(expect.arrayContaining(['200', '201', '400', '404', '422']));
}, 120_000);
