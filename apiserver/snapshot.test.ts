// Snapshots from a store to a file and back, and what is refused on the way.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../host/lifecycle.ts';
import { silentLogger } from '../host/log.ts';
import { snapshotRestore, snapshotSave } from './snapshot.ts';
import { LevelStore } from './storage/level.ts';

let root: string;
let source: string;
let file: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snapshot-'));
  source = join(root, 'source');
  file = join(root, 'objects.snapshot');
  const store = await LevelStore.open(join(source, 'store'));
  for (let i = 1; i <= 30; i += 1) await store.commit([{ key: `key/${i % 10}`, value: Buffer.from(`value ${i}`) }]);
  await store.commit([{ key: 'key/0' }]);
  await store.close();
});
afterEach(() => rm(root, { recursive: true }));

const context = (...positionals: string[]) => ({
  positionals,
  signal: new AbortController().signal,
  log: silentLogger,
  version: '0',
});
const save = (dir = source, to = file): Promise<unknown> => snapshotSave.run({ 'data-dir': dir }, context(to));
const restore = (dir: string, bump = 0): Promise<unknown> =>
  snapshotRestore.run({ 'data-dir': dir, 'bump-revision': bump }, context(file));

describe('a snapshot', () => {
  it('brings every object back as it was, and revisions go on from there', async () => {
    await save();
    const target = join(root, 'target');
    await restore(target);
    const [before, after] = await Promise.all([source, target].map((dir) => LevelStore.open(join(dir, 'store'))));
    expect((await after.list('')).entries).toEqual((await before.list('')).entries);
    expect(after.revision).toBe(31);
    expect(after.get('key/1')).toMatchObject({ createRevision: 1, modRevision: 21 });
    await expect(after.list('', { revision: 30 })).rejects.toThrow('compacted');
    expect(await after.commit([{ key: 'key/0', value: Buffer.from('again') }])).toBe(32);
    await Promise.all([before.close(), after.close()]);
    const reopened = await LevelStore.open(join(target, 'store'));
    expect(reopened.revision).toBe(32);
    await reopened.close();
  });

  it('goes on behind what clients have seen since, when told how far that is', async () => {
    await save();
    await restore(join(root, 'target'), 1000);
    const store = await LevelStore.open(join(root, 'target', 'store'));
    expect(store.revision).toBe(1031);
    await expect(store.watch('', 100, () => {})).rejects.toThrow('compacted');
    expect(await store.commit([{ key: 'a', value: Buffer.from('1') }])).toBe(1032);
    await store.close();
  });

  it('is for its owner’s eyes only, and leaves nothing beside it', async () => {
    await save();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(root)).sort()).toEqual(['objects.snapshot', 'source']);
  });
});

describe('refuses', () => {
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'nothing',
      (error) => (error instanceof UsageError ? error.message : `not a UsageError: ${error}`),
    );

  it('to save what a server has open', async () => {
    const store = await LevelStore.open(join(source, 'store'));
    expect(await refusal(save())).toContain('stop its API server first');
    expect(existsSync(file)).toBe(false);
    await store.close();
  });

  it('to save what is not there', async () => {
    expect(await refusal(save(join(root, 'nowhere')))).toContain('no API server has kept anything there');
    expect(existsSync(join(root, 'nowhere'))).toBe(false);
    expect(await refusal(save(source, join(root, 'no', 'folder')))).toContain('ENOENT');
  });

  it('to restore over objects', async () => {
    await save();
    expect(await refusal(restore(source))).toContain('is not empty');
  });

  it.each<[string, (good: Buffer) => Buffer, string]>([
    ['nothing', () => Buffer.alloc(0), 'is no snapshot'],
    ['something else', () => Buffer.from('{"kind":"List"}'), 'is no snapshot'],
    ['a snapshot that lost its end', (good) => good.subarray(0, good.length - 1), 'ends too early'],
    ['a snapshot that lost a record', (good) => good.subarray(0, 100), 'damaged'],
    ['a snapshot and more', (good) => Buffer.concat([good, Buffer.from('x')]), 'follows its end'],
  ])('%s, and leaves nothing behind', async (_, damage, why) => {
    await save();
    await writeFile(file, damage(await readFile(file)));
    expect(await refusal(restore(join(root, 'target')))).toContain(why);
    expect(existsSync(join(root, 'target'))).toBe(false);
  });

  it('whatever bit is flipped', async () => {
    await save();
    const good = await readFile(file);
    for (let at = 0; at < good.length; at += 7) {
      const bad = Buffer.from(good);
      bad[at] ^= 1 << (at % 8);
      await writeFile(file, bad);
      expect(await refusal(restore(join(root, 'target'))), `byte ${at}`).toMatch(/is no snapshot|damaged|format/);
    }
  });
});
