import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directoryAt, makeDirectory } from './directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-directory-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a lab's directory", () => {
  it('is made with the folders it lies in, for its owner alone, and found again', async () => {
    const directory = directoryAt(join(folder, 'a/b'));
    for (let start = 0; start < 2; start++) await makeDirectory(directory);
    expect(existsSync(directory.run)).toBe(true);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
  });

  it('is refused with the reason where none can be', async () => {
    writeFileSync(join(folder, 'file'), '');
    for (const [path, why] of [
      ['/proc/vitrine/lab', 'ENOENT'],
      [join(folder, 'file'), 'EEXIST'],
      [join(folder, 'file/lab'), 'ENOTDIR'],
    ]) {
      await expect(makeDirectory(directoryAt(path))).rejects.toThrow(
        expect.objectContaining({ message: expect.stringMatching(new RegExp(`^cannot use ${path}: .*${why}`)) }),
      );
    }
  });
});
