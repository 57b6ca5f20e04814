import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

let folder: string;
let bundle: string;
let cache: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-code-cache-'));
  bundle = join(folder, 'bundle.cjs');
  cache = join(folder, 'caches', 'program');
  const outfile = join(folder, 'code-cache.cjs');
  await build({ entryPoints: ['lab/code-cache.ts'], outfile, bundle: true, platform: 'node', format: 'cjs' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => rmSync(join(folder, 'caches'), { recursive: true, force: true }));

/** A program that prints `word`, by a function that only running it compiles, and then does `last`. */
function writeBundle(word: string, last = ''): void {
  const body = `const say = () => process.stdout.write('${word}'); say(require('node:path')); ${last}`;
  writeFileSync(bundle, `(function (exports, require, module) { ${body} })`);
}

const argvOf = (...caches: string[]): string[] => [
  '-e',
  `require('./code-cache.cjs').runBundle({ path: ${JSON.stringify(bundle)}, require }, ${JSON.stringify(caches)})`,
];

function run(...caches: string[]): string {
  return execFileSync(process.execPath, argvOf(...caches), { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

it('keeps what was compiled, and uses it as it is from then on', () => {
  writeBundle('one');
  expect(run(cache)).toBe('one');
  const first = statSync(cache, { bigint: true });
  expect(run(cache)).toBe('one');
  expect(statSync(cache, { bigint: true }).ino).toBe(first.ino);
});

// The cache is a header of 8 bytes and V8's own; what each damage is found by differs.
it.each<[string, (good: Buffer) => Buffer]>([
  ['empty', () => Buffer.alloc(0)],
  ['cut off in its header', (good) => good.subarray(0, 6)],
  ['cut off', (good) => good.subarray(0, good.length - 10)],
  ['flipped in its header', (good) => flipped(good, 1)],
  ['flipped in its middle', (good) => flipped(good, good.length >> 1)],
  ['something else', () => Buffer.from('no cache at all')],
])('runs without a cache that is %s, and replaces it', (_, damage) => {
  writeBundle('right');
  run(cache);
  const good = readFileSync(cache);
  writeFileSync(cache, damage(good));
  expect(run(cache)).toBe('right');
  expect(readFileSync(cache).length).toBe(good.length);
  const mended = statSync(cache, { bigint: true });
  run(cache);
  expect(statSync(cache, { bigint: true }).ino).toBe(mended.ino);
});

function flipped(good: Buffer, at: number): Buffer {
  const bad = Buffer.from(good);
  bad[at] ^= 1;
  return bad;
}

it('never runs what another source of the same length compiled to', () => {
  writeBundle('old');
  run(cache);
  writeBundle('new');
  expect(run(cache)).toBe('new');
  expect(run(cache)).toBe('new');
});

it('takes the second best until the best is there', () => {
  writeBundle('one');
  const poorer = `${cache}.help`;
  run(poorer);
  expect(run(cache, poorer)).toBe('one');
  const best = statSync(cache, { bigint: true });
  run(cache, poorer);
  expect(statSync(cache, { bigint: true }).ino).toBe(best.ino);
});

it('goes without where it cannot write', () => {
  writeBundle('fine');
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(run(join(file, 'program'))).toBe('fine');
  expect(run()).toBe('fine');
});

it('keeps nothing of a program that failed', () => {
  writeBundle('bad', 'process.exit(1)');
  expect(() => run(cache)).toThrow();
  expect(existsSync(cache)).toBe(false);
});

it('keeps it while a long-lived program runs, so that killing that one loses nothing', async () => {
  writeBundle('long', 'setInterval(() => {}, 1000)');
  mkdirSync(join(folder, 'caches'));
  const watcher = watch(join(folder, 'caches'));
  const child = spawn(process.execPath, argvOf(cache), { cwd: folder, stdio: 'ignore' });
  while (!existsSync(cache)) await once(watcher, 'change');
  watcher.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readFileSync(cache).length).toBeGreaterThan(8);
});
