// The programs `vitrine apiserver snapshot save` and `restore`: an API server's objects as one file, and back. Both work on the
// data directory of a server that does not run; a running one has it locked.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { UsageError } from '../host/lifecycle.ts';
import { program } from '../host/program.ts';
import { LevelStore } from './storage/level.ts';
import { readSnapshot, saveSnapshot } from './storage/snapshot.ts';
import { StoreLockedError } from './storage/store.ts';

const dataDir = z.string({ error: 'which server’s data directory?' }).min(1);

export const snapshotSave = program({
  name: 'apiserver snapshot save',
  summary: 'writes the objects of a stopped API server to a file',
  usage: 'FILE',
  flags: { 'data-dir': { type: dataDir, help: 'DIR of the API server' } },
  async run(values, { positionals }) {
    const path = onlyFile(positionals);
    const directory = join(values['data-dir'], 'store');
    if (!existsSync(directory)) throw new UsageError(`${directory}: no API server has kept anything there`, 1);
    const store = await LevelStore.open(directory).catch(tell);
    try {
      const { revision, entries } = await saveSnapshot(path, store).catch(tell);
      process.stdout.write(`${path}: ${entries.length} objects at revision ${revision}\n`);
    } finally {
      await store.close();
    }
    return 0;
  },
});

export const snapshotRestore = program({
  name: 'apiserver snapshot restore',
  summary: 'makes the data of a new API server of such a file',
  usage: 'FILE',
  flags: {
    'data-dir': { type: dataDir, help: 'DIR for the API server; may hold certificates, but no objects' },
    'bump-revision': {
      type: z
        .string()
        .regex(/^\d{1,12}$/, 'must be a number')
        .transform(Number)
        .optional()
        .default(0),
      help: 'how many revisions clients may have seen after the snapshot (default 0)',
    },
  },
  async run(values, { positionals }) {
    const path = onlyFile(positionals);
    const store = join(values['data-dir'], 'store');
    if ((await readdir(store).catch(() => [])).length > 0) throw new UsageError(`${store} is not empty`, 1);
    const snapshot = await readSnapshot(path).catch(tell);
    const revision = snapshot.revision + values['bump-revision'];
    await LevelStore.restore(store, snapshot, revision).catch(tell);
    process.stdout.write(`${values['data-dir']}: ${snapshot.entries.length} objects, revision ${revision}\n`);
    return 0;
  },
});

function onlyFile(positionals: readonly string[]): string {
  if (positionals.length !== 1) throw new UsageError('name one FILE');
  return positionals[0];
}

/** What is wrong with files and directories is the user's to mend: one line, exit code 1. */
function tell(error: Error): never {
  const advice = error instanceof StoreLockedError ? '; stop its API server first' : '';
  throw new UsageError(`${error.message}${advice}`, 1);
}
