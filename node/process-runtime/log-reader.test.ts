import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readContainerLog } from './log-reader.ts';

let folder: string;
let path: string;
let isRunning: boolean;
let end: () => void;
let ended: Promise<void>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-log-'));
  path = join(folder, '0.log');
  isRunning = true;
  ended = new Promise((resolve) => {
    end = () => {
      isRunning = false;
      resolve();
    };
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (options: { follow?: boolean; tailLines?: number; signal?: AbortSignal } = {}) =>
  readContainerLog(path, { follow: false, ...options, ended, isRunning: () => isRunning });

/** As the shim does it. */
function rotate(): void {
  for (const part of [4, 3, 2, 1]) {
    try {
      renameSync(part > 1 ? `${path}.${part - 1}` : path, `${path}.${part}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  writeFileSync(path, '');
}

describe('a log', () => {
  beforeEach(() => {
    writeFileSync(path, 'one\ntwo\n');
    rotate();
    appendFileSync(path, 'three\n');
    rotate();
    appendFileSync(path, 'four\nfive\n');
  });

  it('is all its parts, the oldest first', async () => {
    expect(await text(read())).toBe('one\ntwo\nthree\nfour\nfive\n');
  });

  it.each([
    [0, ''],
    [1, 'five\n'],
    [2, 'four\nfive\n'],
    [3, 'three\nfour\nfive\n'],
    [4, 'two\nthree\nfour\nfive\n'],
    [5, 'one\ntwo\nthree\nfour\nfive\n'],
    [99, 'one\ntwo\nthree\nfour\nfive\n'],
  ])('of which %i lines are wanted begins so many lines before its end', async (tailLines, expected) => {
    expect(await text(read({ tailLines }))).toBe(expected);
  });

  it('of many lines is cut at the right one', async () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`);
    writeFileSync(path, lines.join(''));
    expect(await text(read({ tailLines: 60_000 }))).toBe(lines.slice(40_000).join(''));
  });

  it('is followed from part to part, also when a reader falls behind, until the container has ended', async () => {
    const following = read({ follow: true, tailLines: 1 });
    const seen: string[] = [];
    for await (const chunk of following) {
      seen.push(String(chunk));
      if (seen.length > 1) continue;
      appendFileSync(path, 'six\n');
      rotate();
      appendFileSync(path, 'seven\n');
      rotate();
      appendFileSync(path, 'eight\n');
      end();
    }
    expect(seen.join('')).toBe('five\nsix\nseven\neight\n');
  });

  it('is followed no further than somebody wants', async () => {
    const stop = new AbortController();
    const following = text(read({ follow: true, tailLines: 0, signal: stop.signal }));
    stop.abort();
    expect(await following).toBe('');
  });
});
