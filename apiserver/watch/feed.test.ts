import { expect, it } from 'vitest';
import { MemoryStore } from '../storage/memory.ts';
import { Feed } from './feed.ts';

const put = (store: MemoryStore, key: string): Promise<number> => store.commit([{ key, value: Buffer.from('{}') }]);

it('tells every listener each change once and in order, wherever it begins', async () => {
  const store = new MemoryStore();
  // More than the feed keeps, so that the first listeners need the store's history and the last ones do not.
  const before = 50;
  for (let i = 0; i < before; i++) await put(store, `a/${i}`);
  const feed = new Feed(store, 'a/');
  const heard = new Map<number, number[]>();
  const listen = async (from: number): Promise<void> => {
    const revisions: number[] = [];
    heard.set(from, revisions);
    await feed.listen(from, (event) => revisions.push(event.revision));
  };
  const writes = (async () => {
    for (let i = 0; i < 3000; i++) await put(store, i % 3 === 0 ? `b/${i}` : `a/${i}`);
  })();
  await Promise.all([listen(0), listen(10), listen(before)]);
  await writes;
  await Promise.all([listen(20), listen(1500), listen(store.revision)]);
  await put(store, 'a/last');
  const all = heard.get(0)!;
  expect(all.length).toBe(before + 2000 + 1);
  for (const [from, revisions] of heard) {
    expect(revisions).toEqual(all.filter((revision) => revision > from));
  }
  feed.close();
});

it('says so when history no longer reaches back', async () => {
  const store = new MemoryStore();
  for (let i = 0; i < 10; i++) await put(store, `a/${i}`);
  await store.compact(8);
  const feed = new Feed(store, 'a/');
  await expect(feed.listen(3, () => {})).rejects.toThrow('compacted');
  expect(feed.listenerCount).toBe(0);
});
