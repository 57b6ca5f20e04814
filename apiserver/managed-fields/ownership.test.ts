// The stories of upstream's own tests (structured-merge-diff merge/*_test.go): managers write in turn, and what the object and its
// owners are then.
import { describe, expect, it } from 'vitest';
import type { AnyObject } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { StatusError } from '../../api/status.ts';
import { checkTyped } from './applied-set.ts';
import { apply } from './apply.ts';
import { type Entry, entryOf, type Manager, sorted } from './entries.ts';
import { track, zeroOf } from './track.ts';

const TEXT: Schema = { type: 'string' };
const SCHEMA: Schema = {
  type: 'object',
  properties: {
    apiVersion: TEXT,
    kind: TEXT,
    metadata: {
      type: 'object',
      properties: { name: TEXT, labels: { type: 'object', additionalProperties: TEXT } },
      default: {},
    },
    text: TEXT,
    number: { type: 'integer' },
    atomicMap: { type: 'object', mapType: 'atomic', additionalProperties: TEXT },
    atomicList: { type: 'array', listType: 'atomic', items: TEXT },
    map: { type: 'object', additionalProperties: TEXT },
    set: { type: 'array', listType: 'set', items: TEXT },
    list: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['name'],
      items: { type: 'object', properties: { name: TEXT, value: TEXT, other: TEXT } },
    },
    struct: { type: 'object', properties: { a: TEXT, b: TEXT, inner: { type: 'object', properties: { c: TEXT } } } },
    open: { type: 'object' },
  },
};

type Fields = Record<string, unknown>;
type Step =
  | { readonly apply: Fields; readonly as: string; readonly force?: true; readonly conflicts?: string }
  | { readonly update: Fields; readonly as: string };

interface Story {
  readonly name: string;
  readonly steps: readonly Step[];
  /** The object's fields at the end. */
  readonly object: Fields;
  /** By manager; updaters end in `*`. */
  readonly owners: Record<string, unknown>;
}

const VERSION = 'test/v1';
const versions = {
  schemaOf: (version: string) => (version === VERSION ? SCHEMA : undefined),
  convert: (object: object) => object,
};

interface State {
  readonly live: AnyObject | undefined;
  readonly entries: readonly Entry[];
}

const objectOf = (fields: Fields): AnyObject => ({
  apiVersion: VERSION,
  kind: 'Test',
  metadata: { name: 'x' },
  ...fields,
});

function play({ live, entries }: State, step: Step, second: number): State {
  const operation = 'apply' in step ? 'Apply' : 'Update';
  const manager: Manager = { manager: step.as, operation, apiVersion: VERSION };
  const now = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const filter = (): undefined => undefined;
  const from = live ?? (zeroOf(SCHEMA) as AnyObject);
  if ('update' in step) {
    const next = objectOf(step.update);
    return {
      live: next,
      entries: track({ old: from, next, entries, version: VERSION, versions, filter }, manager, now),
    };
  }
  const config = objectOf(step.apply);
  const terms = { schema: SCHEMA, versions, filter, now };
  try {
    const applied = apply({ live: from, config, entries, manager, force: step.force === true, ...terms });
    expect(step.conflicts).toBeUndefined();
    return { live: withoutNulls(applied.object), entries: applied.entries };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    expect(error.message).toBe(step.conflicts);
    return { live, entries };
  }
}

/** As decoding leaves it. */
function withoutNulls(object: AnyObject): AnyObject {
  return JSON.parse(JSON.stringify(object), (_key, value: unknown) =>
    value === null ? undefined : value,
  ) as AnyObject;
}

const STORIES: readonly Story[] = [
  {
    name: 'a field given up goes',
    steps: [
      { apply: { text: 'a', number: 1 }, as: 'one' },
      { apply: { text: 'a' }, as: 'one' },
    ],
    object: { text: 'a' },
    owners: { one: { 'f:text': {} } },
  },
  {
    name: 'a field given up stays when another manager owns it',
    steps: [
      { apply: { text: 'a', number: 1 }, as: 'one' },
      { apply: { number: 1 }, as: 'two' },
      { apply: { text: 'a' }, as: 'one' },
    ],
    object: { text: 'a', number: 1 },
    owners: { one: { 'f:text': {} }, two: { 'f:number': {} } },
  },
  {
    name: 'a field given up stays when an updater owns it',
    steps: [
      { apply: { text: 'a' }, as: 'one' },
      { update: { text: 'b' }, as: 'hand' },
      { apply: {}, as: 'one' },
    ],
    object: { text: 'b' },
    owners: { 'hand*': { 'f:text': {} } },
  },
  {
    name: 'another value is a conflict, the same one is shared',
    steps: [
      { apply: { text: 'a' }, as: 'one' },
      { apply: { text: 'b' }, as: 'two', conflicts: 'Apply failed with 1 conflict: conflict with "one": .text' },
      { apply: { text: 'a' }, as: 'two' },
    ],
    object: { text: 'a' },
    owners: { one: { 'f:text': {} }, two: { 'f:text': {} } },
  },
  {
    name: 'force takes the field, and only it',
    steps: [
      { apply: { text: 'a', number: 1 }, as: 'one' },
      { apply: { text: 'b' }, as: 'two', force: true },
    ],
    object: { text: 'b', number: 1 },
    owners: { one: { 'f:number': {} }, two: { 'f:text': {} } },
  },
  {
    name: 'conflicts are told manager by manager',
    steps: [
      { apply: { text: 'a', map: { x: '1' } }, as: 'one' },
      { update: { text: 'a', map: { x: '1', y: '1' }, number: 1 }, as: 'hand' },
      {
        apply: { text: 'b', map: { x: '2', y: '2' } },
        as: 'two',
        conflicts:
          'Apply failed with 3 conflicts: conflicts with "hand" using test/v1:\n- .map.y\nconflicts with "one":\n- .text\n- .map.x',
      },
    ],
    object: { text: 'a', map: { x: '1', y: '1' }, number: 1 },
    owners: { one: { 'f:map': { 'f:x': {} }, 'f:text': {} }, 'hand*': { 'f:map': { 'f:y': {} }, 'f:number': {} } },
  },
  {
    name: 'an update takes what it changes, and frees what it removes',
    steps: [
      { apply: { text: 'a', number: 1, map: { x: '1', y: '1' } }, as: 'one' },
      { update: { text: 'b', map: { x: '1', z: '1' } }, as: 'hand' },
    ],
    object: { text: 'b', map: { x: '1', z: '1' } },
    owners: { one: { 'f:map': { 'f:x': {} } }, 'hand*': { 'f:map': { 'f:z': {} }, 'f:text': {} } },
  },
  {
    name: 'a new map is owned besides what is in it; a map in a struct that was empty is not',
    steps: [{ update: { map: { x: '1' }, metadata: { name: 'x', labels: { a: 'b' } } }, as: 'hand' }],
    object: { map: { x: '1' }, metadata: { name: 'x', labels: { a: 'b' } } },
    owners: {
      'hand*': { 'f:map': { '.': {}, 'f:x': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:a': {} } } },
    },
  },
  {
    name: 'a set is owned value by value',
    steps: [
      { apply: { set: ['a', 'c'] }, as: 'one' },
      { apply: { set: ['b', 'c'] }, as: 'two' },
      { apply: { set: ['a'] }, as: 'one' },
    ],
    object: { set: ['a', 'b', 'c'] },
    owners: { one: { 'f:set': { 'v:"a"': {} } }, two: { 'f:set': { 'v:"b"': {}, 'v:"c"': {} } } },
  },
  {
    name: 'a list that is a map is owned item by item and field by field',
    steps: [
      { apply: { list: [{ name: 'a', value: '1' }] }, as: 'one' },
      {
        apply: {
          list: [
            { name: 'b', value: '2' },
            { name: 'a', other: 'x' },
          ],
        },
        as: 'two',
      },
      { apply: { list: [] }, as: 'one' },
    ],
    object: {
      list: [
        { name: 'b', value: '2' },
        { name: 'a', other: 'x' },
      ],
    },
    owners: {
      two: {
        'f:list': {
          'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:other': {} },
          'k:{"name":"b"}': { '.': {}, 'f:name': {}, 'f:value': {} },
        },
      },
    },
  },
  {
    name: 'items stand where the last configuration puts them, the others keep their place',
    steps: [
      { apply: { set: ['a', 'b', 'c', 'd'] }, as: 'one' },
      { apply: { set: ['x', 'c', 'a'] }, as: 'two' },
    ],
    object: { set: ['b', 'x', 'c', 'd', 'a'] },
    owners: {
      one: { 'f:set': { 'v:"a"': {}, 'v:"b"': {}, 'v:"c"': {}, 'v:"d"': {} } },
      two: { 'f:set': { 'v:"a"': {}, 'v:"c"': {}, 'v:"x"': {} } },
    },
  },
  {
    name: 'what is atomic is one value',
    steps: [
      { apply: { atomicMap: { a: '1' }, atomicList: ['a'] }, as: 'one' },
      {
        apply: { atomicMap: { a: '1', b: '2' } },
        as: 'two',
        conflicts: 'Apply failed with 1 conflict: conflict with "one": .atomicMap',
      },
      { apply: { atomicList: ['b'] }, as: 'two', force: true },
    ],
    object: { atomicMap: { a: '1' }, atomicList: ['b'] },
    owners: { one: { 'f:atomicMap': {} }, two: { 'f:atomicList': {} } },
  },
  {
    name: 'a struct goes with its last field when its owner gives it up',
    steps: [
      { apply: { struct: { a: '1', inner: { c: '1' } }, text: 'a' }, as: 'one' },
      { apply: { text: 'a' }, as: 'one' },
    ],
    object: { text: 'a' },
    owners: { one: { 'f:text': {} } },
  },
  {
    name: 'a struct that another manager has a field in stays',
    steps: [
      { apply: { struct: { a: '1' } }, as: 'one' },
      { apply: { struct: { b: '2' } }, as: 'two' },
      { apply: {}, as: 'one' },
    ],
    object: { struct: { b: '2' } },
    owners: { two: { 'f:struct': { 'f:b': {} } } },
  },
  {
    name: 'an empty map is a value',
    steps: [{ apply: { map: {}, struct: { inner: {} } }, as: 'one' }],
    object: { map: {}, struct: { inner: {} } },
    owners: { one: { 'f:map': {}, 'f:struct': { 'f:inner': {} } } },
  },
  {
    name: 'fields that no schema knows are owned one by one',
    steps: [
      { apply: { open: { a: { b: '1' }, list: [1] } }, as: 'one' },
      { apply: { open: { a: { c: '2' } } }, as: 'two' },
    ],
    object: { open: { a: { b: '1', c: '2' }, list: [1] } },
    owners: {
      one: { 'f:open': { 'f:a': { '.': {}, 'f:b': {} }, 'f:list': {} } },
      two: { 'f:open': { 'f:a': { '.': {}, 'f:c': {} } } },
    },
  },
];

describe('owners', () => {
  it.each(STORIES)('$name', ({ steps, object, owners }) => {
    let state: State = { live: undefined, entries: [] };
    for (const [second, step] of steps.entries()) state = play(state, step, second);
    expect(state.live).toEqual(objectOf(object));
    const said = Object.fromEntries(
      state.entries.map((one) => [`${one.manager}${one.operation === 'Update' ? '*' : ''}`, one.fieldsV1]),
    );
    expect(said).toEqual(owners);
  });

  it('have the time of their last change', () => {
    let state = play({ live: undefined, entries: [] }, { apply: { text: 'a' }, as: 'one' }, 1);
    state = play(state, { apply: { text: 'a' }, as: 'one' }, 2);
    state = play(state, { apply: { number: 1 }, as: 'two' }, 3);
    expect(state.entries.map(({ time }) => time)).toEqual(['2026-01-01T00:00:01Z', '2026-01-01T00:00:03Z']);
  });

  it('of objects nobody tracked begin with what was there before', () => {
    const untracked: State = { live: objectOf({ text: 'a', number: 1 }), entries: [] };
    const { entries } = play(untracked, { apply: { text: 'a' }, as: 'one' }, 1);
    expect(entries.map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['one', { 'f:text': {} }],
      ['before-first-apply', { 'f:number': {}, 'f:text': {} }],
    ]);
    const conflicts = 'Apply failed with 1 conflict: conflict with "before-first-apply" using test/v1: .text';
    play(untracked, { apply: { text: 'b' }, as: 'one', conflicts }, 2);
  });

  it('that update are told apart up to ten, and the oldest taken together', () => {
    let state: State = { live: undefined, entries: [] };
    for (let i = 0; i < 13; i++) {
      const map = Object.fromEntries(Array.from({ length: i + 1 }, (_, n) => [`k${n}`, '1']));
      state = play(state, { update: { map }, as: `manager-${i}` }, i);
    }
    expect(state.entries).toHaveLength(10);
    expect(state.entries[0]).toMatchObject({
      manager: 'ancient-changes',
      time: '2026-01-01T00:00:03Z',
      fieldsV1: { 'f:map': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {}, 'f:k3': {} } },
    });
  });

  it('of a version that is no more are forgotten', () => {
    const old = entryOf({ manager: 'old', operation: 'Update', apiVersion: 'test/v0' }, { 'f:text': {} }, undefined);
    const { entries } = play({ live: objectOf({}), entries: [old] }, { update: { number: 1 }, as: 'hand' }, 1);
    expect(entries.map(({ manager }) => manager)).toEqual(['hand']);
  });

  it('stand by operation, time and name', () => {
    const entry = (manager: string, operation: 'Apply' | 'Update', time?: string): Entry =>
      entryOf({ manager, operation, apiVersion: VERSION }, {}, time);
    const entries = [
      entry('c', 'Update', '2'),
      entry('b', 'Update', '1'),
      entry('a', 'Update', '2'),
      entry('z', 'Apply'),
    ];
    expect(sorted(entries).map(({ manager }) => manager)).toEqual(['z', 'b', 'a', 'c']);
  });
});

describe('a configuration', () => {
  it.each([
    [{ txt: 'a' }, '.txt: field not declared in schema'],
    [{ text: 1 }, '.text: expected string, got &value.valueUnstructured{Value:1}'],
    [{ number: 'a' }, '.number: expected numeric (int or float), got string'],
    [{ map: ['a'] }, '.map: expected map, got &{[a]}'],
    [{ set: { a: 1 } }, '.set: expected list, got &{map[a:1]}'],
    [{ set: ['a', 'a'] }, '.set: duplicate entries for key [="a"]'],
    [
      { list: [{ value: 'x' }] },
      /^\.list: element 0: associative list with keys has an element that omits all key fields/,
    ],
    [{ list: [{ name: 'a', bad: 1 }] }, '.list[name="a"].bad: field not declared in schema'],
    [{ text: 1, number: 'a' }, /^errors:\n {2}\.text: expected string, .*\n {2}\.number: expected numeric/],
  ])('%j is refused', (config, message) => {
    expect(() => checkTyped(SCHEMA, config)).toThrow(message);
  });

  it('may hold nulls, and anything where no schema is', () => {
    expect(() =>
      checkTyped(SCHEMA, { text: null, map: null, list: null, open: { a: [1, { b: null }] } }),
    ).not.toThrow();
  });
});
