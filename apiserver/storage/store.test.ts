// Every implementation of the store, through the suites all of them pass.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { LevelStore } from './level.ts';
import { MemoryStore } from './memory.ts';
import { modelSuite } from './model.suite.ts';
import { storeSuite } from './store.suite.ts';
import type { Store } from './store.ts';

let root: string;
let opened = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'store-'));
});
afterAll(() => rm(root, { recursive: true }));

/** `historyBytes` 0 makes the store read history from disk. */
function level(historyBytes: number): { open(): Promise<Store>; reopen(store: Store): Promise<Store> } {
  const open = (): Promise<Store> => LevelStore.open(join(root, String(opened)), { historyBytes });
  return {
    open: () => {
      opened += 1;
      return open();
    },
    reopen: async (store) => {
      await store.close();
      return open();
    },
  };
}

const memory = async (): Promise<Store> => new MemoryStore();
const recent = level(1 << 20);
const onDisk = level(0);

storeSuite('memory', memory);
storeSuite('level', recent.open);
storeSuite('level, history on disk', onDisk.open);
modelSuite('memory', memory);
modelSuite('level', recent.open, recent.reopen);
modelSuite('level, history on disk', onDisk.open, onDisk.reopen);
