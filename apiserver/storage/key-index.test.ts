import { expect, it } from 'vitest';
import { KeyIndex } from './key-index.ts';

/** Many keys with shared prefixes, in no order: 7,919 is prime. */
const keys = Array.from({ length: 6000 }, (_, i) => `${(i * 7919) % 6000}`.padStart(4, '0')).map(
  (digits) => `${digits[0]}/${digits.slice(1)}`,
);

function expectSame(index: KeyIndex, sorted: readonly string[]): void {
  for (const [prefix, from] of [
    ['', ''],
    ['3', '3'],
    ['3/', '3/5'],
    ['5/99', ''],
    ['9', '9'],
    ['2/', '4'],
  ]) {
    const expected = sorted.filter((key) => key.startsWith(prefix) && key >= from);
    expect(index.list(prefix, from, Number.POSITIVE_INFINITY)).toEqual(expected);
    expect(index.list(prefix, from, 7)).toEqual(expected.slice(0, 7));
    expect(index.count(prefix, from)).toBe(expected.length);
  }
}

it.each([
  ['in no order', keys],
  ['in order', keys.toSorted()],
  ['backwards', keys.toSorted().reverse()],
])('holds thousands of keys, added %s', (_, added) => {
  const index = new KeyIndex();
  for (const key of added) index.add(key);
  expectSame(index, keys.toSorted());
});

it('forgets what is removed, down to nothing, and takes it back', () => {
  const index = new KeyIndex();
  for (const key of keys) index.add(key);
  const kept = keys.filter((_, i) => i % 10 === 0);
  for (const key of keys) if (!kept.includes(key)) index.remove(key);
  expectSame(index, kept.toSorted());
  for (const key of kept) index.remove(key);
  expectSame(index, []);
  expect(() => index.remove(keys[0])).toThrow('not in the index');
  index.add(keys[0]);
  expectSame(index, [keys[0]]);
});
