import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Payload, writeAtomically } from './atomic-writer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-atomic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode }]));
const seen = (): string[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('..'))
    .sort();

it('shows files through ..data, in folders where paths have some', async () => {
  expect(await writeAtomically(folder, payload({ a: '1', 'deep/er/b': '2' }, 0o400))).toBe(true);
  expect(seen()).toEqual(['a', 'deep']);
  expect(readlinkSync(`${folder}/a`)).toBe('..data/a');
  expect(readFileSync(`${folder}/deep/er/b`, 'utf8')).toBe('2');
  expect(statSync(`${folder}/a`).mode & 0o777).toBe(0o400);
});

it('changes all at once, and leaves nothing of before', async () => {
  await writeAtomically(folder, payload({ a: '1', b: '1' }));
  const before = readlinkSync(`${folder}/..data`);
  expect(await writeAtomically(folder, payload({ a: '1', b: '1' }))).toBe(false);
  expect(await writeAtomically(folder, payload({ a: '2', c: '3' }))).toBe(true);
  expect(seen()).toEqual(['a', 'c']);
  expect(readFileSync(`${folder}/a`, 'utf8')).toBe('2');
  expect(readdirSync(folder)).not.toContain(before);
  expect(await writeAtomically(folder, payload({}))).toBe(true);
  expect(seen()).toEqual([]);
});

it.each(['', '/a', '../a', '..a', 'a/../../b'])('refuses the path %j', async (path) => {
  await expect(writeAtomically(folder, payload({ [path]: 'x' }))).rejects.toThrow('invalid path');
});
