import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChildOptions } from './child.ts';
import { Processes } from './processes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-processes-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sleeper = (name: string): ChildOptions => ({
  name,
  argv: ['sleep', '60'],
  env: process.env,
  logFile: join(folder, `${name}.log`),
  restartAfterMs: 0,
  report: () => {},
  clock: { now: () => Date.now(), sleep: async () => {} }, // waits between restarts are over at once
});

describe("a lab's processes", () => {
  it('are stopped in their order, and none is started after that', async () => {
    const processes = new Processes();
    for (const name of ['first', 'second', 'last']) processes.start(sleeper(name));
    expect(() => processes.start(sleeper('first'))).toThrow('first runs already');
    const stopped = processes.stopAll(['last']);
    processes.start(sleeper('late'));
    expect(processes.isRunning('late')).toBe(false);
    await stopped;
    expect(processes.states()).toEqual([]);
  });

  it('fail together when one cannot be kept running', async () => {
    const processes = new Processes();
    processes.start({ ...sleeper('missing'), argv: ['/no/such/program'] });
    await new Promise((resolve) => processes.failure.addEventListener('abort', resolve));
    expect(processes.failure.reason).toMatchObject({
      message: expect.stringContaining('missing could not be started'),
    });
    await processes.stopAll([]);
  });
});
