import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pod } from '../../api/types/core.v1.ts';
import { bytesOf, hasVolumeLimits, overfullVolume } from './usage.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vitrine-usage-'));
  mkdirSync(`${directory}/volumes/cache/deep`, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const pod = (emptyDir: object): Pod => ({
  metadata: { name: 'web' },
  spec: { containers: [], volumes: [{ name: 'cache', emptyDir }] },
});

it('counts what a folder takes, without following links', async () => {
  const before = await bytesOf(directory);
  writeFileSync(`${directory}/volumes/cache/deep/file`, Buffer.alloc(1 << 20, 'x'));
  symlinkSync('/usr', `${directory}/volumes/cache/usr`);
  const added = (await bytesOf(directory)) - before;
  expect(added).toBeGreaterThanOrEqual(1 << 20);
  expect(added).toBeLessThan(2 << 20);
  expect(await bytesOf(`${directory}/none`)).toBe(0);
});

it('tells the volume that is over its limit', async () => {
  writeFileSync(`${directory}/volumes/cache/file`, Buffer.alloc(1 << 20, 'x'));
  expect(await overfullVolume(directory, pod({ sizeLimit: '512Ki' }))).toBe(
    'Usage of EmptyDir volume "cache" exceeds the limit "512Ki". ',
  );
  expect(await overfullVolume(directory, pod({ sizeLimit: '5Mi' }))).toBeUndefined();
});

it.each([
  [{ sizeLimit: '1Mi' }, true],
  [{ sizeLimit: '1Mi', medium: 'Memory' }, false],
  [{}, false],
])('%j is looked after by us: %s', (emptyDir, expected) => {
  expect(hasVolumeLimits(pod(emptyDir))).toBe(expected);
});
