// What the disk and the database allow, without a server: the limits that durable writes are measured against.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { LevelStore } from '../apiserver/storage/level.ts';

/** The size of a stored ConfigMap of the load, bytes. */
const VALUE = Buffer.alloc(800, 'x');

/** Appends and syncs one record after the other; returns how many a second. */
export function syncedAppends(directory: string, seconds: number): number {
  const file = openSync(join(directory, 'appends'), 'a');
  const end = performance.now() + 1000 * seconds;
  let count = 0;
  for (; performance.now() < end; count += 1) {
    writeSync(file, VALUE);
    fdatasyncSync(file);
  }
  closeSync(file);
  return count / seconds;
}

/** Durable creates by `clients` at a time on the store alone; returns how many a second. */
export async function storeCommits(directory: string, clients: number, seconds: number): Promise<number> {
  const store = await LevelStore.open(join(directory, `store-${clients}`));
  const end = performance.now() + 1000 * seconds;
  let count = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      count += 1;
      await store.commit([{ key: `configmaps/default/${count}`, value: VALUE, expect: 0 }]);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await store.close();
  return count / seconds;
}
