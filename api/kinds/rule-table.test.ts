import { describe, expect, it } from 'vitest';
import { invalid, required } from '../field.ts';
import { among, each, maybe, memberOf, needed, structOf, unlessEmpty } from './rule-table.ts';

interface Pair {
  left?: string;
  right?: string[];
}

const side = among('on', 'off');
const pair = structOf<Pair>({ left: needed(side), right: each(side) });

describe('a table of checks', () => {
  it('tells what is wrong in the order of its rows', () => {
    expect(pair({ right: ['on', 'up'] }, 'spec').map(({ field }) => field)).toEqual(['spec.left', 'spec.right[1]']);
    expect(pair({ left: 'on' }, 'spec')).toEqual([]);
  });

  it('tells a value that is empty from one that is not there', () => {
    const [there, filled] = [structOf<Pair>({ left: maybe(side) }), structOf<Pair>({ left: unlessEmpty(side) })];
    expect([there, filled].map((check) => check({ left: '' }, '').length)).toEqual([1, 0]);
    expect([there, filled].map((check) => check({}, '').length)).toEqual([0, 0]);
  });

  it('takes one member of a union', () => {
    const union = memberOf<Pair>(
      [
        { of: 'left', check: () => [required('left.inner')] },
        { of: 'right', check: () => [] },
      ],
      { tooMany: 'too many', none: 'none' },
    );
    expect(union({ right: [] }, 'u')).toEqual([]);
    expect(union({}, 'u')).toMatchObject([{ field: 'u', detail: 'none' }]);
    expect(union({ left: '', right: [] }, 'u').map(({ field }) => field)).toEqual(['left.inner', 'u.right']);
  });

  it('gives each caller a list of its own', () => {
    for (const check of [pair, maybe(pair), unlessEmpty(pair)]) {
      check({ left: 'on' }, '').push(invalid('someone', 'else', 'adds this'));
      expect(check({ left: 'on' }, '')).toEqual([]);
    }
  });
});
