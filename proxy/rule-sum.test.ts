import { describe, expect, it } from 'vitest';
import { isOneOf, RuleSum } from './rule-sum.ts';

describe('what a listing says', () => {
  it.each<[string, string[], string | undefined, boolean | undefined]>([
    ['is what was written', ['a'], 'a', true],
    ['is what was written meanwhile', ['a', 'b'], 'b', true],
    ['is nobody’s', ['a'], 'x', false],
    ['may be half of this and half of that', ['a', 'b'], 'x', undefined],
    ['is nothing', ['a'], undefined, false],
  ])('%s', (_, expected, found, verdict) => expect(isOneOf(new Set(expected), found)).toBe(verdict));
});

it('sums the same in any order, and nothing of what was taken out', () => {
  const [one, other] = [new RuleSum(), new RuleSum()];
  for (const text of ['a', 'b', 'c', 'c']) one.add(text);
  for (const text of ['c', 'x', 'b', 'c', 'a']) other.add(text);
  other.remove('x');
  expect(other.value).toBe(one.value);
});
