import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeOrders } from './orders.ts';
import { isAlive, noteOutOfMemory, parseExitFile, parseRunFile, startTimeOf, writeExit } from './state-files.ts';

describe('what a shim writes', () => {
  it('is read back', () => {
    expect(parseRunFile('shim 5 100\ninit 6 101\nstarted 1700\nlog /a b/0.log\n')).toEqual({
      shim: { pid: 5, startTime: 100 },
      init: { pid: 6, startTime: 101 },
      startedAt: 1700,
      log: '/a b/0.log',
    });
  });

  it('is written for it when it was killed, where it has kept room', () => {
    const directory = mkdtempSync(join(tmpdir(), 'vitrine-state-'));
    const path = join(directory, 'uid_c_0');
    const exit = { exitCode: 137, signal: 9, finishedAt: 1800 };
    writeFileSync(`${path}.exit.new`, '\n'.repeat(128));
    writeExit(path, exit);
    expect(parseExitFile(readFileSync(`${path}.exit`, 'utf8'))).toEqual(exit);
    noteOutOfMemory(path);
    expect(parseExitFile(readFileSync(`${path}.exit`, 'utf8'))).toEqual({ ...exit, oomKilled: true });
    rmSync(directory, { recursive: true });
  });

  it('may say only that it has begun, or nothing yet', () => {
    expect(parseRunFile('shim 5 100\n')?.init).toBeUndefined();
    expect(parseRunFile('')).toBeUndefined();
  });
});

describe('a process', () => {
  it('is told by its start time, whatever its command is called', () => {
    const fields = ['S', ...Array.from({ length: 18 }, (_, index) => `${index}`), '4711', '0'];
    expect(startTimeOf(`12 (evil) name (x) ${fields.join(' ')}`)).toBe(4711);
    expect(startTimeOf(`12 (gone) ${['Z', ...fields.slice(1)].join(' ')}`)).toBeUndefined();
  });

  it('is alive until it ends, and is not another with its pid', async () => {
    const child = spawn('sleep', ['60']);
    const startTime = startTimeOf(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))!;
    expect(isAlive({ pid: child.pid!, startTime })).toBe(true);
    expect(isAlive({ pid: child.pid!, startTime: startTime + 1 })).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive({ pid: child.pid!, startTime })).toBe(false);
  });
});

describe('orders', () => {
  it('are records of three fields ended by zero bytes', () => {
    const text = encodeOrders(
      [
        ['arg', 'a b'],
        ['env', 'A', '$(x)'],
      ],
      'x64',
    ).toString();
    expect(text.endsWith('arg\0a b\0\0env\0A\0$(x)\0')).toBe(true);
    expect(text.startsWith('syscall\0mount\x00165\0')).toBe(true);
  });

  it('refuse zero bytes and unknown machines', () => {
    expect(() => encodeOrders([['arg', 'a\0b']], 'x64')).toThrow('zero byte');
    expect(() => encodeOrders([], 'mips')).toThrow('cannot be run on mips');
  });
});
