import { describe, expect, it } from 'vitest';
import type { Schema } from '../../api/schema/schema.ts';
import {
  difference,
  type FieldSet,
  forEachPath,
  has,
  intersection,
  printPath,
  readFieldSet,
  recursiveDifference,
  union,
} from './field-set.ts';
import { compareElements, itemElement, TypedError } from './path-element.ts';

const set = (text: string): FieldSet => JSON.parse(text) as FieldSet;
const shown = (value: FieldSet | undefined): string | undefined => value && JSON.stringify(value);

describe('sets of fields', () => {
  const A = set('{"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{}}}');

  it.each([
    // [operation, other, result]
    ['union', '{"f:b":{"f:e":{}}}', '{"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{},"f:e":{}}}'],
    ['union', '{"f:a":{"f:x":{}}}', '{"f:a":{".":{},"f:x":{}},"f:b":{".":{},"f:c":{},"f:d":{}}}'],
    ['union', '{"f:0":{}}', '{"f:0":{},"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{}}}'],
    ['intersection', '{"f:b":{"f:c":{},"f:z":{}}}', '{"f:b":{"f:c":{}}}'],
    ['intersection', '{"f:b":{}}', '{"f:b":{}}'],
    ['intersection', '{"f:z":{}}', undefined],
    // An element goes by itself: what lies below it stays.
    ['difference', '{"f:b":{}}', '{"f:a":{},"f:b":{"f:c":{},"f:d":{}}}'],
    ['difference', '{"f:b":{"f:c":{},"f:d":{}}}', '{"f:a":{},"f:b":{}}'],
    ['difference', '{"f:a":{"f:x":{}}}', '{"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{}}}'],
    ['difference', '{"f:a":{},"f:b":{".":{},"f:c":{},"f:d":{}}}', undefined],
    // And here it takes everything below along.
    ['recursiveDifference', '{"f:b":{}}', '{"f:a":{}}'],
    ['recursiveDifference', '{"f:b":{"f:c":{}}}', '{"f:a":{},"f:b":{".":{},"f:d":{}}}'],
  ])('%s with %s is %s', (operation, other, result) => {
    const operations = { union, intersection, difference, recursiveDifference };
    expect(shown(operations[operation as 'union'](A, set(other)))).toBe(result);
  });

  it('are shared when nothing changes', () => {
    expect(difference(A, set('{"f:z":{}}'))).toBe(A);
    expect(recursiveDifference(A, set('{"f:z":{}}'))).toBe(A);
    expect(union(A, set('{"f:b":{"f:c":{}}}'))).toBe(A);
    expect(union(undefined, A)).toBe(A);
  });

  it('know what is in them', () => {
    expect(has(A, ['f:b'])).toBe(true);
    expect(has(A, ['f:b', 'f:c'])).toBe(true);
    expect(has(set('{"f:b":{"f:c":{}}}'), ['f:b'])).toBe(false);
    expect(has(A, [])).toBe(false);
  });

  it('tell their paths level by level', () => {
    const paths: string[] = [];
    const items = '{"f:p":{"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{}},"v:\\"x\\"":{}},"f:q":{}}';
    forEachPath(set(items), (path) => paths.push(printPath(path)));
    expect(paths).toEqual(['.q', '.p[port=80,protocol="TCP"]', '.p[="x"]', '.p[port=80,protocol="TCP"].port']);
  });
});

describe('sets from clients', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      selector: { type: 'object', mapType: 'atomic', additionalProperties: { type: 'string' } },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
    },
  };

  it.each([
    ['in any order', '{"f:labels":{"f:b":{},"f:a":{},".":{}}}', '{"f:labels":{".":{},"f:a":{},"f:b":{}}}'],
    ['of elements nobody knows', '{"f:labels":{"x:1":{},"f:a":{}}}', '{"f:labels":{"f:a":{}}}'],
    ['below what is one value now', '{"f:selector":{"f:app":{}}}', '{"f:selector":{}}'],
    [
      'with keys spaced and unsorted',
      '{"f:p":{"k:{ \\"b\\": 1, \\"a\\": 2 }":{}}}',
      '{"f:p":{"k:{\\"a\\":2,\\"b\\":1}":{}}}',
    ],
    ['of nothing', '{}', undefined],
  ])('%s', (_what, text, result) => {
    expect(shown(readFieldSet(JSON.parse(text), schema))).toBe(result);
  });

  it.each(['{"f:a":1}', '{"a":{}}', '{"nocolon":{}}', '[]'])('are refused when they are none: %s', (text) => {
    expect(() => readFieldSet(JSON.parse(text), schema)).toThrow(TypedError);
  });
});

describe('elements', () => {
  it('stand in upstream’s order', () => {
    const elements = [
      'v:"b"',
      'k:{"port":443}',
      'f:b',
      'k:{"port":80}',
      'f:a',
      'v:"a"',
      'k:{"port":80,"protocol":"UDP"}',
    ];
    expect([...elements].sort(compareElements)).toEqual([
      'f:a',
      'f:b',
      'k:{"port":80}',
      'k:{"port":80,"protocol":"UDP"}',
      'k:{"port":443}',
      'v:"a"',
      'v:"b"',
    ]);
  });

  const ports: Schema = {
    type: 'array',
    listType: 'map',
    listMapKeys: ['port', 'protocol'],
    items: { type: 'object', properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } } },
  };

  it('of a list that is a map are its keys, with their defaults', () => {
    expect(itemElement(ports, { protocol: 'UDP', port: 53 })).toBe('k:{"port":53,"protocol":"UDP"}');
    expect(itemElement(ports, { port: 53 })).toBe('k:{"port":53,"protocol":"TCP"}');
    expect(itemElement(ports, {})).toBe('k:{"protocol":"TCP"}');
  });

  it.each([null, 'x', ['x']])('cannot be made of %s', (item) => {
    expect(() => itemElement(ports, item)).toThrow(TypedError);
  });
});

describe('operations', () => {
  const ELEMENTS = ['f:a', 'f:b', 'k:{"n":10}', 'k:{"n":9}', 'v:"x"'];

  /** The same numbers every time: a failure can be looked at again. */
  function* numbers(): Generator<number> {
    for (let state = 42; ; state = (state * 1_103_515_245 + 12_345) % 2 ** 31) yield state / 2 ** 31;
  }
  const random = numbers();
  const chance = (): number => random.next().value as number;

  function randomSet(depth: number): Record<string, FieldSet> {
    const made: Record<string, FieldSet> = {};
    for (const element of [...ELEMENTS].sort(compareElements)) {
      if (chance() < 0.5) continue;
      const inner = depth > 0 ? randomSet(depth - 1) : {};
      const isBoth = Object.keys(inner).length > 0 && chance() < 0.5;
      made[element] = isBoth ? { '.': {}, ...inner } : inner;
    }
    return made;
  }

  const pathsOf = (value: FieldSet | undefined): string[] => {
    const paths: string[] = [];
    forEachPath(value, (path) => paths.push(path.join(' ')));
    return paths.sort();
  };

  it('do to sets what they do to lists of paths', () => {
    for (let i = 0; i < 500; i++) {
      const [a, b] = [randomSet(2), randomSet(2)];
      const [left, right] = [pathsOf(a), pathsOf(b)];
      const isUnder = (path: string): boolean => right.some((other) => path === other || path.startsWith(`${other} `));
      expect(pathsOf(union(a, b))).toEqual([...new Set([...left, ...right])].sort());
      expect(pathsOf(intersection(a, b))).toEqual(left.filter((path) => right.includes(path)));
      expect(pathsOf(difference(a, b))).toEqual(left.filter((path) => !right.includes(path)));
      expect(pathsOf(recursiveDifference(a, b))).toEqual(left.filter((path) => !isUnder(path)));
      for (const result of [union(a, b), intersection(a, b), difference(a, b), recursiveDifference(a, b)]) {
        const text = shown(result) ?? '{}';
        expect(shown(readFieldSet(JSON.parse(text), { type: 'object' })) ?? '{}').toBe(text);
      }
    }
  });
});
