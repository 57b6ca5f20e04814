import { describe, expect, it } from 'vitest';
import { Catalogue } from '../catalogue.ts';
import { applyJsonPatch } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicMergePatch } from './strategic.ts';

const { schema } = new Catalogue().byKind('apps', 'v1', 'Deployment')!;
const strategic = (current: unknown, patch: unknown) => applyStrategicMergePatch(schema, current, patch);
const podSpec = (spec: unknown) => ({ spec: { template: { spec } } });
const names = (result: unknown) =>
  (
    result as { spec: { template: { spec: { containers: Array<{ name: string }> } } } }
  ).spec.template.spec.containers.map(({ name }) => name);

describe('JSON patch', () => {
  const current = { data: { a: '1' }, list: [1, 2, 3] };

  it.each([
    [[{ op: 'add', path: '/data/b', value: '2' }], { data: { a: '1', b: '2' }, list: [1, 2, 3] }],
    [[{ op: 'add', path: '/list/-', value: 4 }], { data: { a: '1' }, list: [1, 2, 3, 4] }],
    [[{ op: 'add', path: '/list/0', value: 0 }], { data: { a: '1' }, list: [0, 1, 2, 3] }],
    [[{ op: 'remove', path: '/list/-1' }], { data: { a: '1' }, list: [1, 2] }],
    [[{ op: 'replace', path: '/data/none', value: 'x' }], { data: { a: '1', none: 'x' }, list: [1, 2, 3] }],
    [[{ op: 'move', from: '/data/a', path: '/data/x~1y~0z' }], { data: { 'x/y~z': '1' }, list: [1, 2, 3] }],
    [[{ op: 'copy', from: '/list', path: '/data' }], { data: [1, 2, 3], list: [1, 2, 3] }],
    [
      [
        { op: 'test', path: '/data', value: { a: '1' } },
        { op: 'replace', path: '', value: {} },
      ],
      {},
    ],
    [[], current],
  ])('%j', (patch, result) => {
    expect(applyJsonPatch(current, patch)).toEqual(result);
    expect(current).toEqual({ data: { a: '1' }, list: [1, 2, 3] });
  });

  it.each([
    [[{ op: 'remove', path: '/data/none' }]],
    [[{ op: 'add', path: '/none/x', value: 1 }]],
    [[{ op: 'add', path: '/list/9', value: 1 }]],
    [[{ op: 'test', path: '/data/a', value: '2' }]],
    [[{ op: 'swap', path: '/data' }]],
    [[{ op: 'add' }]],
    [[null]],
    [[{ op: 'remove', path: '/data/toString' }]],
  ])('%j does not apply', (patch) => {
    expect(() => applyJsonPatch(current, patch)).toThrow(
      'the server rejected our request due to an error in our request',
    );
  });

  it('must be a list, and no endless one', () => {
    expect(() => applyJsonPatch({}, {})).toThrow('cannot unmarshal object');
    expect(() => applyJsonPatch({}, ['add'])).toThrow(
      'cannot unmarshal string into Go value of type jsonpatch.Operation',
    );
    expect(() => applyJsonPatch({}, new Array(10_001).fill({}))).toThrow(
      'maximum operations in a JSON patch is 10000, got 10001',
    );
  });
});

describe('merge patch', () => {
  it('merges maps, replaces lists, and takes null for absence', () => {
    const current = { a: { b: 1, c: 2 }, list: [1, 2], gone: 1 };
    expect(applyMergePatch(current, { a: { c: null, d: { e: null, f: 3 } }, list: [3], gone: null })).toEqual({
      a: { b: 1, d: { f: 3 } },
      list: [3],
    });
  });

  it('must be an object', () => {
    expect(() => applyMergePatch({}, 'x')).toThrow(
      'error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}',
    );
  });

  it('leaves the prototype alone', () => {
    const result = applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')) as Record<string, unknown>;
    expect(result.polluted).toBeUndefined();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('strategic merge patch', () => {
  const current = podSpec({
    containers: [
      { name: 'a', image: 'i:1', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: 'i:1' },
    ],
  });

  it('merges list elements by their key', () => {
    expect(strategic(current, podSpec({ containers: [{ name: 'b', image: 'i:2' }] }))).toEqual(
      podSpec({
        containers: [
          { name: 'a', image: 'i:1', env: [{ name: 'X', value: '1' }] },
          { name: 'b', image: 'i:2' },
        ],
      }),
    );
  });

  it('puts new elements first, and all in the order it is told', () => {
    expect(names(strategic(current, podSpec({ containers: [{ name: 'c' }] })))).toEqual(['c', 'a', 'b']);
    const order = [{ name: 'b' }, { name: 'c' }, { name: 'a' }];
    expect(
      names(strategic(current, podSpec({ '$setElementOrder/containers': order, containers: [{ name: 'c' }] }))),
    ).toEqual(['b', 'c', 'a']);
    expect(names(strategic(current, podSpec({ '$setElementOrder/containers': order })))).toEqual(['b', 'a']);
  });

  it('deletes and replaces on directive', () => {
    const patch = podSpec({
      containers: [
        { name: 'b', $patch: 'delete' },
        { name: 'a', env: [{ name: 'X', $patch: 'delete' }] },
      ],
    });
    expect(strategic(current, patch)).toEqual(podSpec({ containers: [{ name: 'a', image: 'i:1', env: [] }] }));
    expect(names(strategic(current, podSpec({ containers: [{ name: 'only' }, { $patch: 'replace' }] })))).toEqual([
      'only',
    ]);
    expect(
      strategic({ metadata: { labels: { a: '1' } } }, { metadata: { labels: { $patch: 'replace', b: '2' } } }),
    ).toEqual({ metadata: { labels: { b: '2' } } });
    expect(strategic({ spec: { strategy: { type: 'x' } } }, { spec: { strategy: { $patch: 'delete' } } })).toEqual({
      spec: {},
    });
  });

  it('keeps only the keys that are retained', () => {
    const old = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    expect(strategic(old, { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } })).toEqual({
      spec: { strategy: { type: 'Recreate' } },
    });
  });

  it('merges lists of plain values as sets', () => {
    const old = { metadata: { finalizers: ['example.com/a'] } };
    expect(strategic(old, { metadata: { finalizers: ['example.com/b'] } })).toEqual({
      metadata: { finalizers: ['example.com/b', 'example.com/a'] },
    });
    expect(strategic(old, { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] } })).toEqual({
      metadata: { finalizers: [] },
    });
  });

  it('replaces lists without a key', () => {
    expect(strategic(podSpec({ tolerations: [{ key: 'a' }] }), podSpec({ tolerations: [{ key: 'b' }] }))).toEqual(
      podSpec({ tolerations: [{ key: 'b' }] }),
    );
  });

  it('takes elements as they are where there is no list to merge them with', () => {
    const owners = [{ apiVersion: 'v1' }, {}, { $patch: 'delete', uid: '1' }];
    expect(strategic({ metadata: {} }, { metadata: { ownerReferences: owners } })).toEqual({
      metadata: { ownerReferences: [{ apiVersion: 'v1' }, {}] },
    });
  });

  it("refuses what it cannot follow, in upstream's words", () => {
    expect(() => strategic(current, podSpec({ containers: [{ image: 'x' }] }))).toThrow(
      'map: map[image:x] does not contain declared merge key: name',
    );
    expect(() => strategic(current, { spec: { $patch: 'explode' } })).toThrow(
      'unknown patch type: explode in map: map[$patch:explode]',
    );
  });
});
