import { expect, it } from 'vitest';
import { ageOf, humanDuration } from './age.ts';

it.each([
  [-2000, '<invalid>'],
  [-500, '0s'],
  [0, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [150_000, '2m30s'],
  [599_000, '9m59s'],
  [600_000, '10m'],
  [179 * 60_000, '179m'],
  [3 * 3_600_000, '3h'],
  [3 * 3_600_000 + 60_000, '3h1m'],
  [8 * 3_600_000 + 60_000, '8h'],
  [47 * 3_600_000, '47h'],
  [2 * 86_400_000, '2d'],
  [5 * 86_400_000 + 3 * 3_600_000, '5d3h'],
  [8 * 86_400_000 + 3 * 3_600_000, '8d'],
  [729 * 86_400_000, '729d'],
  [740 * 86_400_000, '2y10d'],
  [9 * 365 * 86_400_000, '9y'],
])('%d ms is printed %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text);
});

it('has a word for no time at all', () => {
  expect(ageOf(undefined, 0)).toBe('<unknown>');
  expect(ageOf('1970-01-01T00:00:00Z', 90_000)).toBe('90s');
});
