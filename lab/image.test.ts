import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { check } from '../host/exec.ts';
import { main } from '../host/program.ts';
import { image } from './image.ts';

let directory: string;
let said: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vitrine-image-'));
  said = '';
  const note = (text: unknown): boolean => {
    said += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(note);
  vi.spyOn(process.stderr, 'write').mockImplementation(note);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const vitrine = (...words: string[]): Promise<number> => main(image, [...words, '--dir', `${directory}/lab`], '0');

it('loads, lists and removes images', async () => {
  mkdirSync(`${directory}/rootfs/bin`, { recursive: true });
  writeFileSync(`${directory}/rootfs/bin/web`, 'x');
  await check(['tar', '--create', '--file', `${directory}/web.tar`, '--directory', `${directory}/rootfs`, '.']);
  expect(await vitrine('load', 'my/web', `${directory}/web.tar`)).toBe(0);
  expect(said).toMatch(/^docker\.io\/my\/web:latest loaded, \d+\.\d MiB\n$/);
  said = '';
  expect(await vitrine('list', '--output', 'json')).toBe(0);
  expect(JSON.parse(said)).toMatchObject([{ name: 'docker.io/my/web:latest', entrypoint: [] }]);
  expect(await vitrine('remove', 'my/web:latest')).toBe(0);
  expect(await vitrine('remove', 'my/web')).toBe(1);
});

it.each([
  [['load', 'web'], 2, 'image load NAME FILE'],
  [['load', 'NO SUCH', 'x'], 2, 'not a name of an image'],
  [['load', 'web', '/none'], 1, 'cannot read /none: '],
  [['load', 'web', '/proc'], 1, 'cannot read /proc: '],
  [['wash'], 2, 'image list'],
])('%j ends with %d and says why', async (words, exitCode, why) => {
  expect(await vitrine(...words)).toBe(exitCode);
  expect(said).toContain(why);
});
