// Random histories against a model that keeps every state it ever had: whatever the store says must be what the model
// says. The seed is in the test's name; the same seed gives the same history.
import { expect, it } from 'vitest';
import type { Change, Entry, Op, Store } from './store.ts';
import { PreconditionError } from './store.ts';

interface Versions {
  value: string;
  createRevision: number;
  modRevision: number;
}
type State = ReadonlyMap<string, Versions>;

/** mulberry32: numbers from 0 up to, not including, `below`. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

class Model {
  /** By revision. */
  readonly states: State[] = [new Map()];
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  /** Returns the new revision, or undefined when a precondition fails. */
  commit(ops: readonly Op[]): number | undefined {
    const now = this.states[this.revision];
    if (ops.some(({ key, expect }) => expect !== undefined && expect !== (now.get(key)?.modRevision ?? 0))) return;
    const next = new Map(now);
    const revision = this.revision + 1;
    for (const { key, value } of ops) {
      if (value === undefined) next.delete(key);
      else {
        const createRevision = now.get(key)?.createRevision ?? revision;
        next.set(key, { value: value.toString(), createRevision, modRevision: revision });
      }
    }
    if (ops.some(({ key, value }) => value !== undefined || now.has(key))) this.states.push(next);
    return this.revision;
  }

  list(prefix: string, revision: number): Array<[string, Versions]> {
    const sorted = [...this.states[revision]].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.filter(([key]) => key.startsWith(prefix));
  }
}

const seen = ({ key, value, createRevision, modRevision }: Entry): [string, Versions] => [
  key,
  { value: value.toString(), createRevision, modRevision },
];

/** `reopen` closes the store and opens what it left behind. */
export function modelSuite(name: string, open: () => Promise<Store>, reopen?: (store: Store) => Promise<Store>): void {
  it.each([1, 2, 3, 4, 5, 6])(`${name} does what the model does, seed %i`, async (seed) => {
    const below = random(seed);
    const model = new Model();
    let store = await open();

    const anyKey = (): string => `${'pqr'[below(3)]}/${below(12)}`;
    const anyOp = (key: string): Op => {
      const { modRevision = 0 } = model.states[model.revision].get(key) ?? {};
      const expect = [undefined, modRevision, modRevision, below(model.revision + 2)][below(4)];
      return { key, expect, value: below(4) ? Buffer.from(`${seed}-${below(1e6)}`) : undefined };
    };
    const anyOps = (): Op[] => [...new Set(Array.from({ length: 1 + below(3) }, anyKey))].map(anyOp);

    const write = async (): Promise<void> => {
      const burst = Array.from({ length: 1 + below(6) }, () => {
        const ops = anyOps();
        return { expected: model.commit(ops), actual: store.commit(ops) };
      });
      const outcomes = await Promise.allSettled(burst.map(({ actual }) => actual));
      for (const [i, { expected }] of burst.entries()) {
        const outcome = outcomes[i];
        if (expected === undefined) expect(outcome).toMatchObject({ reason: expect.any(PreconditionError) });
        else if (outcome.status === 'rejected') throw outcome.reason;
      }
      expect(store.revision).toBe(model.revision);
    };

    const readPast = async (): Promise<void> => {
      const prefix = ['', 'p/', 'q/1', 'z'][below(4)];
      const revision = model.compacted + below(model.revision - model.compacted + 1);
      const limit = below(8);
      const pages: Array<[string, Versions]> = [];
      for (let from: string | undefined = prefix; from !== undefined; ) {
        const page = await store.list(prefix, { from, revision, limit });
        pages.push(...page.entries.map(seen));
        from = page.remaining > 0 ? `${page.entries[page.entries.length - 1].key}\0` : undefined;
        expect(page.remaining).toBe(model.list(prefix, revision).length - pages.length);
      }
      expect(pages).toEqual(model.list(prefix, revision));
    };

    const replay = async (): Promise<void> => {
      const after = model.compacted + below(model.revision - model.compacted + 1);
      const state = new Map(model.states[after]);
      let reached = after;
      const stop = await store.watch('', after, (change: Change) => {
        if (change.revision > reached) expect(state).toEqual(model.states[reached]);
        reached = change.revision;
        const [key, versions] = change.type === 'put' ? seen(change.entry) : [change.key, undefined];
        expect(change.previous && seen(change.previous)[1]).toEqual(state.get(key));
        if (versions) state.set(key, versions);
        else state.delete(key);
      });
      stop();
      expect(reached).toBe(model.revision);
      expect(state).toEqual(model.states[model.revision]);
    };

    const compact = async (): Promise<void> => {
      model.compacted += below(model.revision - model.compacted + 1) >> 1;
      await store.compact(model.compacted);
    };

    const restart = async (): Promise<void> => {
      store = (await reopen?.(store)) ?? store;
      expect([store.revision, store.compactedRevision]).toEqual([model.revision, model.compacted]);
    };

    for (let step = 0; step < 150; step += 1) {
      const acts = [write, write, write, readPast, replay, below(3) ? write : compact, below(4) ? write : restart];
      await acts[below(acts.length)]();
      const prefix = ['', 'p/', 'r/1'][below(3)];
      expect((await store.list(prefix)).entries.map(seen)).toEqual(model.list(prefix, model.revision));
      expect(store.count(prefix)).toBe(model.list(prefix, model.revision).length);
    }
    await store.close();
  });
}
