// The suite every Store passes. `open` gives an empty store; whoever calls the suite cleans up after it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, Entry, Op, Store } from './store.ts';
import { CompactedError, FutureRevisionError, PreconditionError, StoreClosedError } from './store.ts';

const put = (key: string, value: string, expect?: number): Op => ({ key, value: Buffer.from(value), expect });
const del = (key: string, expect?: number): Op => ({ key, expect });
const text = (entry: Entry | undefined): string | undefined => entry?.value.toString();

/** One line per change: `3 put a=x(1,3) was a=w(1,2)`. */
function told(change: Change): string {
  const say = (e: Entry): string => `${e.key}=${e.value}(${e.createRevision},${e.modRevision})`;
  const now = change.type === 'put' ? say(change.entry) : change.key;
  return `${change.revision} ${change.type} ${now}${change.previous ? ` was ${say(change.previous)}` : ''}`;
}

async function watched(store: Store, prefix: string, after: number): Promise<string[]> {
  const lines: string[] = [];
  await store.watch(prefix, after, (change) => lines.push(told(change)));
  return lines;
}

async function keys(store: Store, prefix: string, options = {}): Promise<string[]> {
  return (await store.list(prefix, options)).entries.map((entry) => entry.key);
}

export function storeSuite(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    describe('commit', () => {
      it('counts revisions from 1, one per commit', async () => {
        expect(store.revision).toBe(0);
        expect(await store.commit([put('a', '1')])).toBe(1);
        expect(await store.commit([put('b', '1'), put('c', '1')])).toBe(2);
        expect(await store.commit([del('b')])).toBe(3);
        expect(store.revision).toBe(3);
        expect(store.get('b')).toBeUndefined();
        expect(store.get('c')).toMatchObject({ key: 'c', createRevision: 2, modRevision: 2 });
      });

      it('keeps createRevision over updates, and begins anew after a delete', async () => {
        await store.commit([put('a', '1')]);
        await store.commit([put('a', '2')]);
        expect(store.get('a')).toMatchObject({ createRevision: 1, modRevision: 2 });
        await store.commit([del('a')]);
        await store.commit([put('a', '3')]);
        expect(store.get('a')).toMatchObject({ createRevision: 4, modRevision: 4 });
      });

      it('hands the revision to a value that wants it', async () => {
        await store.commit([put('a', '1')]);
        await store.commit([{ key: 'b', value: (revision) => Buffer.from(`at ${revision}`) }]);
        expect(text(store.get('b'))).toBe('at 2');
      });

      it('stores empty and binary values and any key', async () => {
        const value = Buffer.from([0, 255, 10, 0]);
        await store.commit([{ key: '/registry/ü/\u{1F600}', value }, put('/registry/', '')]);
        expect(store.get('/registry/ü/\u{1F600}')?.value.equals(value)).toBe(true);
        expect(store.get('/registry/')?.value.length).toBe(0);
      });

      it('takes no revision for deleting what is not there, or for nothing', async () => {
        await store.commit([put('a', '1')]);
        expect(await store.commit([del('b')])).toBe(1);
        expect(await store.commit([])).toBe(1);
        expect(await store.commit([put('b', '1')])).toBe(2);
      });

      it('refuses to write a key twice', async () => {
        await expect(store.commit([put('a', '1'), put('a', '2')])).rejects.toThrow('twice');
        expect(store.get('a')).toBeUndefined();
        expect(await store.commit([put('a', '1')])).toBe(1);
      });

      it('writes nothing and takes no revision when a value cannot be made', async () => {
        const broken: Op = {
          key: 'b',
          value: () => {
            throw new Error('no value');
          },
        };
        await expect(store.commit([put('a', '1'), broken])).rejects.toThrow('no value');
        expect(await store.commit([put('c', '1')])).toBe(1);
        expect(await keys(store, '')).toEqual(['c']);
      });
    });

    describe('precondition', () => {
      it.each([
        ['create of what exists', put('a', '2', 0)],
        ['update of another revision', put('a', '2', 7)],
        ['update of what does not exist', put('x', '2', 1)],
        ['delete of another revision', del('a', 2)],
        ['delete of what does not exist', del('x', 1)],
      ])('refuses %s', async (_, op) => {
        await store.commit([put('a', '1')]);
        const refused = store.commit([put('other', '1'), op]);
        await expect(refused).rejects.toThrow(PreconditionError);
        await expect(refused).rejects.toMatchObject({ key: op.key, current: store.get(op.key) });
        expect(store.revision).toBe(1);
        expect(store.get('other')).toBeUndefined();
      });

      it('lets through what holds', async () => {
        await store.commit([put('a', '1', 0)]);
        await store.commit([put('a', '2', 1)]);
        expect(await store.commit([del('a', 2), del('b', 0)])).toBe(3);
        expect(store.count('')).toBe(0);
      });

      it('sees every commit called before, durable or not', async () => {
        const outcomes = await Promise.allSettled([
          store.commit([put('a', 'first', 0)]),
          store.commit([put('a', 'second', 0)]),
          store.commit([put('a', 'third', 1)]),
          store.commit([del('a', 2)]),
          store.commit([put('a', 'fourth', 0)]),
        ]);
        expect(outcomes.map((outcome) => outcome.status)).toEqual(
          'fulfilled rejected fulfilled fulfilled fulfilled'.split(' '),
        );
        expect(text(store.get('a'))).toBe('fourth');
        expect(store.get('a')?.modRevision).toBe(4);
      });

      it('answers a refusal only when a get sees the reason', async () => {
        const first = store.commit([put('a', 'first', 0)]);
        const seen = await store.commit([put('a', 'second', 0)]).catch(() => text(store.get('a')));
        expect(seen).toBe('first');
        await first;
      });

      it('gives each of many concurrent read-modify-write loops its turn', async () => {
        await store.commit([put('n', '0')]);
        const increment = async (): Promise<void> => {
          for (;;) {
            const { value, modRevision } = store.get('n')!;
            const write = store.commit([put('n', String(Number(value) + 1), modRevision)]);
            const refused = await write.then(
              () => undefined,
              (error: unknown) => error,
            );
            if (!refused) return;
            expect(refused).toBeInstanceOf(PreconditionError);
          }
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        expect(text(store.get('n'))).toBe('20');
        expect(store.revision).toBe(21);
      });
    });

    describe('list', () => {
      beforeEach(async () => {
        await store.commit(['p/c', 'p/a', 'q/a', 'p/b', 'o', 'p', 'p/', 'p0'].map((key) => put(key, key)));
      });

      it('gives the keys of a prefix, in order', async () => {
        expect(await keys(store, 'p/')).toEqual(['p/', 'p/a', 'p/b', 'p/c']);
        expect(await keys(store, 'z')).toEqual([]);
        expect((await keys(store, '')).length).toBe(8);
        expect(store.count('p/')).toBe(4);
        expect(store.count('')).toBe(8);
      });

      it('orders by UTF-16 code unit', async () => {
        const odd = ['u/\u{1F600}', 'u/\uffff', 'u/a', 'u/\u00e9', 'u/Z'];
        await store.commit(odd.map((key) => put(key, key)));
        expect(await keys(store, 'u/')).toEqual(odd.toSorted());
      });

      it('pages with limit and from', async () => {
        expect(await store.list('p/', { limit: 2 })).toMatchObject({ revision: 1, remaining: 2 });
        expect(await keys(store, 'p/', { limit: 2 })).toEqual(['p/', 'p/a']);
        expect(await keys(store, 'p/', { limit: 2, from: 'p/b' })).toEqual(['p/b', 'p/c']);
        expect(await store.list('p/', { limit: 2, from: 'p/b' })).toMatchObject({ remaining: 0 });
        expect(await keys(store, 'p/', { from: 'p/aa' })).toEqual(['p/b', 'p/c']);
        expect(await keys(store, 'p/', { from: 'a' })).toEqual(['p/', 'p/a', 'p/b', 'p/c']);
      });

      it('gives the past as it was, page by page', async () => {
        await store.commit([del('p/a'), put('p/b', 'new')]);
        await store.commit([put('p/aa', 'new'), del('p/c'), put('q/b', 'new')]);
        await store.commit([put('p/a', 'again')]);
        const past = await store.list('p/', { revision: 1, limit: 2 });
        expect(past).toMatchObject({ revision: 1, remaining: 2 });
        expect(past.entries.map(text)).toEqual(['p/', 'p/a']);
        const rest = await store.list('p/', { revision: 1, limit: 2, from: 'p/a\0' });
        expect(rest).toMatchObject({ revision: 1, remaining: 0 });
        expect(rest.entries.map(text)).toEqual(['p/b', 'p/c']);
        expect((await store.list('p/', { revision: 2 })).entries.map(text)).toEqual(['p/', 'new', 'p/c']);
        expect(await keys(store, 'p/', { revision: 4 })).toEqual(['p/', 'p/a', 'p/aa', 'p/b']);
        expect(await keys(store, '', { revision: 0 })).toEqual([]);
      });

      it('refuses the future', async () => {
        await expect(store.list('', { revision: 2 })).rejects.toThrow(FutureRevisionError);
      });
    });

    describe('watch', () => {
      it('tells history first, then what happens', async () => {
        await store.commit([put('a', '1')]);
        await store.commit([put('a', '2'), put('b', '1'), put('x', '1')]);
        await store.commit([del('a')]);
        const all = await watched(store, '', 0);
        const late = await watched(store, '', 2);
        const some = await watched(store, 'b', 0);
        await store.commit([put('b', '2')]);
        expect(all).toEqual([
          '1 put a=1(1,1)',
          '2 put a=2(1,2) was a=1(1,1)',
          '2 put b=1(2,2)',
          '2 put x=1(2,2)',
          '3 delete a was a=2(1,2)',
          '4 put b=2(2,4) was b=1(2,2)',
        ]);
        expect(late).toEqual(all.slice(4));
        expect(some).toEqual([all[2], all[5]]);
      });

      it('tells a change no later than its commit resolves', async () => {
        const lines = await watched(store, '', 0);
        await store.commit([put('a', '1')]);
        expect(lines).toEqual(['1 put a=1(1,1)']);
      });

      it('waits for a revision of the future', async () => {
        const lines = await watched(store, '', 2);
        for (const value of ['1', '2', '3']) await store.commit([put('a', value)]);
        expect(lines).toEqual(['3 put a=3(1,3) was a=2(1,2)']);
      });

      it('ends when told, even from within', async () => {
        const lines: string[] = [];
        const stop = await store.watch('', 0, (change) => {
          lines.push(told(change));
          if (change.revision === 2) stop();
        });
        await store.commit([put('a', '1')]);
        await store.commit([put('a', '2'), put('b', '2')]);
        await store.commit([put('a', '3')]);
        expect(lines.map((line) => line.slice(0, 7))).toEqual(['1 put a', '2 put a']);
      });

      it('begun from within another neither repeats nor loses', async () => {
        const inner: string[][] = [];
        const outer: string[] = [];
        const starts: Promise<unknown>[] = [];
        await store.watch('', 0, (change) => {
          outer.push(told(change));
          const lines: string[] = [];
          inner.push(lines);
          starts.push(store.watch('', change.revision - 1, (again) => lines.push(told(again))));
        });
        await Promise.all([store.commit([put('a', '1')]), store.commit([put('a', '2')])]);
        await store.commit([put('b', '3')]);
        await Promise.all(starts);
        expect(inner).toEqual([outer, outer.slice(1), outer.slice(2)]);
      });

      it('never skips, repeats or reorders while commits run', async () => {
        const writers = Array.from({ length: 8 }, async (_, writer) => {
          for (let i = 0; i < 25; i += 1)
            await store.commit([put(`w${writer}`, String(i)), put(`v${writer}`, String(i))]);
        });
        const watchers: string[][] = [];
        for (let i = 0; i < 20; i += 1) {
          watchers.push(await watched(store, '', store.revision >> 1), await watched(store, 'w3', 0));
          await store.commit([put('tick', String(i))]);
        }
        await Promise.all(writers);
        const all = await watched(store, '', 0);
        const three = all.filter((line) => line.includes('put w3'));
        expect(three.length).toBe(25);
        for (const [i, lines] of watchers.entries()) {
          expect(lines).toEqual(i % 2 ? three : all.slice(all.length - lines.length));
          expect(lines.length).toBeGreaterThan(0);
        }
      });
    });

    describe('compact', () => {
      beforeEach(async () => {
        for (const value of ['1', '2', '3', '4']) await store.commit([put('a', value)]);
        await store.commit([del('a')]);
        await store.compact(3);
      });

      it('forgets what is older', async () => {
        expect(store.compactedRevision).toBe(3);
        await expect(store.list('', { revision: 2 })).rejects.toMatchObject({ compactedRevision: 3 });
        await expect(store.watch('', 2, () => {})).rejects.toThrow(CompactedError);
      });

      it('keeps what is not', async () => {
        expect((await store.list('', { revision: 3 })).entries.map(text)).toEqual(['3']);
        expect((await store.list('', { revision: 4 })).entries.map(text)).toEqual(['4']);
        expect(await watched(store, '', 3)).toEqual(['4 put a=4(1,4) was a=3(1,3)', '5 delete a was a=4(1,4)']);
      });

      it('does nothing for what is already forgotten, and refuses the future', async () => {
        await store.compact(1);
        expect(store.compactedRevision).toBe(3);
        await expect(store.compact(6)).rejects.toThrow(FutureRevisionError);
      });

      it('to the newest revision leaves the present', async () => {
        await store.commit([put('b', '1')]);
        await store.compact(6);
        expect(await keys(store, '', { revision: 6 })).toEqual(['b']);
        expect(await watched(store, '', 6)).toEqual([]);
      });

      it('does not disturb writers', async () => {
        const commits = Array.from({ length: 200 }, (_, i) => store.commit([put(`k${i % 10}`, String(i))]));
        await commits[100];
        const [revisions] = await Promise.all([Promise.all(commits), store.compact(store.revision)]);
        expect(revisions).toEqual(Array.from({ length: 200 }, (_, i) => i + 6));
      });
    });

    describe('close', () => {
      it('makes pending commits durable first', async () => {
        const lines = await watched(store, '', 0);
        const pending = Promise.all([store.commit([put('a', '1')]), store.commit([put('b', '1')])]);
        await store.close();
        expect(await pending).toEqual([1, 2]);
        expect(lines.length).toBe(2);
      });

      it('refuses everything after', async () => {
        await store.close();
        await store.close();
        await expect(store.commit([put('a', '1')])).rejects.toThrow(StoreClosedError);
        await expect(store.list('')).rejects.toThrow(StoreClosedError);
        await expect(store.watch('', 0, () => {})).rejects.toThrow(StoreClosedError);
        await expect(store.compact(0)).rejects.toThrow(StoreClosedError);
      });
    });
  });
}
