// What only a store on disk can get wrong: reopening, locks, damage, and a file system that refuses.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LevelStore } from './level.ts';
import type { Entry } from './store.ts';
import { StoreCorruptError, StoreLockedError, StoreUnusableError } from './store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'level-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** 300 commits of 2 kB, which fill several blocks of the log; ends cleanly. */
async function fill(count = 300): Promise<void> {
  const store = await LevelStore.open(directory);
  const value = Buffer.alloc(2000, 'x');
  await Promise.all(Array.from({ length: count }, (_, i) => store.commit([{ key: `key/${i % 100}`, value }])));
  await store.close();
}

async function file(suffix: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(suffix)).sort();
  return join(directory, names[names.length - 1]);
}

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset < 0 ? bytes.length + offset : offset] ^= 0x40;
  await writeFile(path, bytes);
}

describe('reopened', () => {
  it('knows everything, and counts on', async () => {
    await fill();
    const store = await LevelStore.open(directory);
    expect(store.revision).toBe(300);
    expect(store.count('key/')).toBe(100);
    expect(store.get('key/99')).toMatchObject({ createRevision: 100, modRevision: 300 });
    expect(await store.commit([{ key: 'key/99' }])).toBe(301);
    const changes: number[] = [];
    await store.watch('', 0, ({ revision }) => changes.push(revision));
    expect(changes).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
    await store.close();
  });

  it('remembers what was compacted, and drops what a crash left of it', async () => {
    await fill();
    let store = await LevelStore.open(directory);
    await store.compact(250);
    await store.close();
    store = await LevelStore.open(directory);
    expect(store.compactedRevision).toBe(250);
    await store.compact(260);
    await expect(store.list('', { revision: 259 })).rejects.toThrow('compacted');
    expect((await store.list('', { revision: 260 })).entries.length).toBe(100);
    await store.close();
  });

  it('reads 10,000 objects again', async () => {
    let store = await LevelStore.open(directory);
    const value = Buffer.alloc(1500, 'x');
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => store.commit([{ key: `key/${i}`, value }])));
    await store.close();
    store = await LevelStore.open(directory);
    expect(store.count('')).toBe(10_000);
    await store.close();
  });
});

describe('locked', () => {
  it('refuses a second opener, and lets it in when the first is gone', async () => {
    const first = await LevelStore.open(directory);
    await expect(LevelStore.open(directory)).rejects.toThrow(StoreLockedError);
    await first.commit([{ key: 'a', value: Buffer.from('1') }]);
    await first.close();
    const second = await LevelStore.open(directory);
    expect(second.revision).toBe(1);
    await second.close();
  });
});

describe('damage is refused aloud', () => {
  beforeEach(() => fill());
  /** Opening reads the whole current state; damage to history is met by whoever reads history. */
  async function readAll(): Promise<string[]> {
    const store = await LevelStore.open(directory);
    try {
      const say = (e?: Entry): string => (e ? `${e.key} ${e.createRevision} ${e.modRevision} ${e.value}` : 'nothing');
      const lines = (await store.list('')).entries.map(say);
      await store.watch('', 0, (change) => {
        lines.push(
          `${change.revision} ${change.type === 'put' ? say(change.entry) : change.key} was ${say(change.previous)}`,
        );
      });
      return lines;
    } finally {
      await store.close();
    }
  }
  const damaged = (): Promise<unknown> => expect(readAll()).rejects.toThrow(StoreCorruptError);

  it.each([
    ['a bit in the middle of the log', async () => flip(await file('.log'), 100_000)],
    ['a bit at the end of the log', async () => flip(await file('.log'), -20)],
    ['a log without its tail', async () => truncate(await file('.log'), 150_000)],
    ['an empty log', async () => truncate(await file('.log'), 0)],
    ['no log', async () => rm(await file('.log'))],
    ['an empty manifest', async () => truncate(join(directory, 'CURRENT'), 0)],
    ['no manifest', async () => rm(join(directory, 'CURRENT'))],
    ['a mark that is no revision', async () => writeFile(join(directory, 'durable-revision'), '17\n')],
    ['no mark', async () => rm(join(directory, 'durable-revision'))],
  ])('%s', async (_, damage) => {
    await damage();
    await damaged();
    await damaged();
  });

  describe('in tables', () => {
    beforeEach(async () => {
      await (await LevelStore.open(directory)).close(); // LevelDB turns the log into a table when it opens
      expect(await file('.ldb')).toMatch(/\d+\.ldb$/);
    });

    it.each([
      ['a bit of data', async () => flip(await file('.ldb'), 2000)],
      ['half a table', async () => truncate(await file('.ldb'), 3000)],
      ['no table', async () => rm(await file('.ldb'))],
    ])('%s', async (_, damage) => {
      await damage();
      await damaged();
    });
  });

  it('in history, without anybody asking for it', async () => {
    await (await LevelStore.open(directory)).close(); // a table, whose second half is history
    const table = await file('.ldb');
    const good = await readFile(table);
    let found = 0;
    for (let part = 10; part < 18; part += 1) {
      await writeFile(table, good);
      await flip(table, Math.floor((good.length * part) / 20));
      const failures: Error[] = [];
      const store = await LevelStore.open(directory, { onFailure: (error) => failures.push(error) }).catch(
        () => undefined,
      );
      if (!store) continue; // not history, or LevelDB itself found it
      const revision = await store
        .watch('', 0, () => {})
        .then(
          () => 'readable',
          () => 'damaged',
        );
      if (revision === 'damaged') await expect.poll(() => failures.length).toBe(1);
      for (const failure of failures) expect(failure).toBeInstanceOf(StoreCorruptError);
      found += failures.length;
      await store.close();
    }
    expect(found).toBeGreaterThan(0);
  });

  it.each(['.log', '.ldb'])('wherever a bit of a %s is flipped, unless it changes nothing', async (suffix) => {
    if (suffix === '.ldb') await (await LevelStore.open(directory)).close();
    const path = await file(suffix);
    const intact = `${directory}-intact`;
    await cp(directory, intact, { recursive: true });
    const lines = await readAll();
    const { size } = await stat(join(intact, basename(path)));
    let noticed = 0;
    for (let i = 0; i < 60; i += 1) {
      await rm(directory, { recursive: true });
      await cp(intact, directory, { recursive: true });
      // Half of them all over the file, half in its last 300 bytes, where tables keep index and footer.
      await flip(path, i % 2 ? Math.floor((size * i) / 60) : size - 1 - i * 5);
      const read = await readAll().catch((error: unknown) => error);
      if (read instanceof StoreCorruptError) noticed += 1;
      else expect(read).toEqual(lines);
    }
    await rm(intact, { recursive: true });
    expect(noticed).toBeGreaterThan(10);
  });
});

describe('a file system that refuses', () => {
  it('is told at once', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(LevelStore.open(join(directory, 'file', 'data'))).rejects.toThrow(StoreUnusableError);
    await expect(LevelStore.open(join(directory, 'file'))).rejects.toThrow(StoreUnusableError);
  });

  it('is told when it is full or read-only, loses nothing, and goes on when there is room', async () => {
    const program = join(directory, 'writer.cjs');
    const entryPoints = [new URL('full-disk.writer.ts', import.meta.url).pathname];
    await build({ entryPoints, outfile: program, bundle: true, platform: 'node', external: ['classic-level'] });
    const script =
      'mount -t tmpfs -o size=8m store "$1" && head -c 4m /dev/zero > "$1/ballast" && exec "$0" "$2" fill "$1"';
    const mount = await mkdtemp(join(directory, 'mount-'));
    const env = { ...process.env, NODE_PATH: new URL('../../node_modules', import.meta.url).pathname };
    const argv = ['-Urm', 'sh', '-c', script, process.execPath, mount, program];
    const { stdout } = await promisify(execFile)('unshare', argv, { env });
    const said = JSON.parse(stdout);
    expect(said).toEqual({
      acknowledged: expect.any(Number),
      refused: Array(4).fill('StoreFailedError'),
      failures: ['StoreFailedError'],
      later: 'StoreFailedError',
      readable: 10_000,
      stillFull: 'StoreUnusableError',
      kept: true,
      goesOn: true,
      readOnly: 'StoreUnusableError',
    });
    expect(said.acknowledged).toBeGreaterThan(100);
  });
});
