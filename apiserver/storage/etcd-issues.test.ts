// What etcd once got wrong, by its issue numbers (github.com/etcd-io/etcd/issues/N), asked of every store here. #13766 (data and
// revision that disagree after kill -9) and #14370 under load are in crash.test.ts.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LevelStore } from './level.ts';
import { MemoryStore } from './memory.ts';
import type { Change, Op, Store } from './store.ts';
import { CompactedError, PreconditionError } from './store.ts';

const put = (key: string, value: string, expect?: number): Op => ({ key, value: Buffer.from(value), expect });
const del = (key: string): Op => ({ key });
const told = ({ type, revision }: Change): string => `${revision} ${type}`;

async function watched(store: Store, after: number): Promise<string[]> {
  const lines: string[] = [];
  const stop = await store.watch('', after, (change) => lines.push(told(change)));
  stop();
  return lines;
}

let root: string;
let directory: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'etcd-issues-'));
});
afterAll(() => rm(root, { recursive: true }));

const newDirectory = (): string => join(root, String(made++));

/** `historyBytes` 0: history is read from disk. */
function kept(name: string, historyBytes: number): Row {
  return { name, open: () => LevelStore.open(directory, { historyBytes }), isKept: true };
}

interface Row {
  readonly name: string;
  readonly open: () => Promise<Store>;
  /** Whether opening it again finds what was written. */
  readonly isKept: boolean;
}

const STORES: readonly Row[] = [
  { name: 'memory', open: async () => new MemoryStore(), isKept: false },
  kept('level', 1 << 20),
  kept('level, history on disk', 0),
];

describe.each(STORES)('$name', ({ open, isKept }) => {
  let store: Store;
  beforeEach(async () => {
    directory = newDirectory();
    store = await open();
  });
  afterEach(() => store.close());

  async function reopen(): Promise<void> {
    await store.close();
    store = await open();
  }

  it('#18089: compacting at a deletion keeps its event for a watch that begins before it', async () => {
    for (const value of ['2', '3', '4']) await store.commit([put('k', value)]);
    const deletion = await store.commit([del('k')]);
    await store.commit([put('k', '6')]);
    // `after` is the revision before the first one wanted: etcd's compaction at r and watch from r.
    await store.compact(deletion - 1);
    expect(await watched(store, deletion - 1)).toEqual([`${deletion} delete`, `${deletion + 1} put`]);
  });

  it('#19179: a watch opened while that revision is being compacted gets the deletion, or is told', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await store.commit([put(key, '1')]);
    const deletion = await store.commit([del('a')]);
    const compaction = store.compact(deletion);
    await expect(watched(store, deletion - 1)).rejects.toThrow(CompactedError);
    expect(await watched(store, deletion)).toEqual([]);
    await compaction;
    await store.commit([put('a', '2')]);
    expect(await watched(store, deletion)).toEqual([`${deletion + 1} put`]);
  });

  it('#15220: no revision is told of before its changes have been', async () => {
    const seen: number[] = [];
    const ahead: string[] = [];
    await store.watch('', 0, ({ revision }) => {
      // What a bookmark would say inside and after the change.
      if (store.revision > revision) ahead.push(`${store.revision} told at ${revision}`);
      seen.push(revision);
    });
    const commits = Array.from({ length: 300 }, (_, i) => store.commit([put(`k${i % 7}`, String(i))]));
    const bookmarks: Array<[said: number, seen: number]> = [];
    while (seen.length < 300) {
      bookmarks.push([store.revision, seen.at(-1) ?? 0]);
      await setImmediate();
    }
    await Promise.all(commits);
    expect(ahead).toEqual([]);
    expect(bookmarks.filter(([said, last]) => said !== last)).toEqual([]);
  });

  it('#15271: a watch that is taken up again never travels back', async () => {
    for (let i = 0; i < 20; i += 1) await store.commit([put(`k${i % 3}`, String(i))]);
    const seen: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      await store.watch('', seen.at(-1) ?? 0, ({ revision }) => seen.push(revision)).then((stop) => stop());
      await store.commit([put('more', String(i))]);
      if (isKept) await reopen();
    }
    expect(seen).toEqual(Array.from({ length: 29 }, (_, i) => i + 1));
  });

  it('#17529: a watch that is far behind while others write loses nothing', async () => {
    for (let i = 0; i < 3000; i += 1) void store.commit([put(`k${i % 50}`, String(i))]);
    const watchers = await Promise.all(
      [0, 0, 0].map(async () => {
        const seen: number[] = [];
        await store.watch('', 0, ({ revision }) => seen.push(revision));
        return seen;
      }),
    );
    await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit([put(`l${i % 50}`, String(i))])));
    for (const seen of watchers) expect(seen).toEqual(Array.from({ length: 3500 }, (_, i) => i + 1));
  });

  it('#20221: a watch of the future is told nothing of the past', async () => {
    await store.commit([put('a', '1')]);
    const seen: string[] = [];
    await store.watch('', 4, (change) => seen.push(told(change)));
    for (let i = 0; i < 5; i += 1) await store.commit([put('a', String(i))]);
    expect(seen).toEqual(['5 put', '6 put']);
  });

  it('#18667: reading what is being compacted gives all of it or an error, and a refused commit leaves nothing', async () => {
    for (let i = 0; i < 200; i += 1) await store.commit([put(`k${i % 20}`, String(i))]);
    const reads = [50, 100, 150].map((revision) => store.list('', { revision }).catch((error) => error));
    await store.compact(120);
    for (const read of await Promise.all(reads)) {
      if (!(read instanceof CompactedError)) expect(read.entries.length).toBe(20);
    }
    await expect(store.list('', { revision: 119 })).rejects.toThrow(CompactedError);
    await expect(store.commit([put('new', '1'), put('k1', '1', 7)])).rejects.toThrow(PreconditionError);
    expect(store.get('new')).toBeUndefined();
    expect(store.revision).toBe(200);
  });

  if (!isKept) return;

  it('#17780: revisions never go back when the newest were deletions and are compacted', async () => {
    for (const key of ['a', 'b', 'c']) await store.commit([put(key, '1')]);
    for (const key of ['a', 'b', 'c']) await store.commit([del(key)]);
    await store.compact(store.revision);
    await reopen();
    expect(store.revision).toBe(6);
    expect(await store.commit([put('a', '2')])).toBe(7);
  });

  it('#14370: what was acknowledged is on disk before anybody is told', async () => {
    for (let i = 1; i <= 20; i += 1) {
      const revision = await store.commit([put('a', String(i))]);
      // What a crash at this very moment would leave.
      const copy = newDirectory();
      await cp(directory, copy, { recursive: true });
      const survivor = await LevelStore.open(copy);
      expect(survivor.revision).toBe(revision);
      expect(survivor.get('a')?.value.toString()).toBe(String(i));
      await survivor.close();
    }
  });
});
