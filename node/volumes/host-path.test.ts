import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { furnishHost, hostPath } from './host-path.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vitrine-host-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it.each([
  ['/srv/data', '', true],
  ['/srv/data', 'DirectoryOrCreate', true],
  ['/srv/file', 'FileOrCreate', false],
] as const)('%s of type %j is made', async (path, type, isDirectory) => {
  expect(await hostPath(root, { path, type })).toBe(`${root}${path}`);
  expect(statSync(`${root}${path}`).isDirectory()).toBe(isDirectory);
});

it.each([
  ['/none', 'Directory', '/none is not a directory'],
  ['/none', 'File', '/none is not a file'],
  ['/none', 'Socket', '/none is not a socket'],
  ['/file', 'DirectoryOrCreate', '/file is not a directory'],
  ['/../up', '', "must not contain '..'"],
  ['/out', '', "leads out of the node's files"],
  ['/out/bin', 'Directory', "leads out of the node's files"],
] as const)('%s of type %j is refused: %s', async (path, type, why) => {
  writeFileSync(`${root}/file`, '');
  symlinkSync('/usr', `${root}/out`);
  await expect(hostPath(root, { path, type })).rejects.toThrow(why);
});

it('has what every node has, and keeps what was changed of it', async () => {
  await furnishHost(root, '127.0.0.1 localhost\n');
  expect((statSync(await hostPath(root, { path: '/tmp' })).mode & 0o7777).toString(8)).toBe('1777');
  writeFileSync(`${root}/etc/hosts`, 'changed');
  await furnishHost(root, '127.0.0.1 localhost\n');
  expect(readFileSync(await hostPath(root, { path: '/etc/hosts', type: 'File' }), 'utf8')).toBe('changed');
});
