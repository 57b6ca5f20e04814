import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../host/clock.ts';
import { Child, type ChildOptions, GaveUpError } from './child.ts';

let folder: string;
let said: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-child-'));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A clock whose waits between restarts are over at once, and are remembered. */
function hastyClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => Date.now(),
    async sleep(ms, signal) {
      waits.push(ms);
      signal?.throwIfAborted();
    },
  };
}

function child(script: string, options: Partial<ChildOptions> = {}): Child {
  return new Child({
    name: 'tried',
    argv: ['sh', '-c', script],
    env: process.env,
    logFile: join(folder, 'tried.log'),
    restartAfterMs: 100,
    report: (line) => said.push(line),
    ...options,
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a supervised process', () => {
  it('is started again when it is killed, as often as it takes', async () => {
    const stop = new AbortController();
    const clock = hastyClock();
    const tried = child('sleep 60', { clock });
    const done = tried.keepRunning(stop.signal);
    for (let restarts = 0; restarts < 10; restarts++) {
      await until(() => tried.state.restarts === restarts && tried.state.pid !== undefined);
      process.kill(tried.state.pid!, 'SIGKILL');
    }
    await until(() => tried.state.restarts === 10 && tried.state.pid !== undefined);
    const { pid } = tried.state;
    stop.abort();
    await done;
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    expect(said.slice(0, 10)).toEqual(Array(10).fill('tried was killed by SIGKILL; starts again at once'));
  });

  it('gives up after crashes in a row, slower and slower, with its last words', async () => {
    const clock = hastyClock();
    const crash = `echo '{"msg":"no way","err":{"message":"the disk is full"}}' >&2; exit 3`;
    const failure: unknown = await child(crash, { clock })
      .keepRunning(new AbortController().signal)
      .catch((e) => e);
    expect(failure).toBeInstanceOf(GaveUpError);
    expect((failure as Error).message).toBe(
      'tried ended with exit code 3, 6 times in a row; it said:\nno way: the disk is full',
    );
    expect(said[0]).toBe('tried ended with exit code 3 (no way: the disk is full); starts again at once');
    expect(clock.waits).toEqual([100, 400, 800, 1600, 3200]);
  });

  it('says when the program does not exist', async () => {
    const missing = child('', { argv: ['/no/such/program'], clock: hastyClock() });
    await expect(missing.keepRunning(new AbortController().signal)).rejects.toThrow(/could not be started: .*ENOENT/);
  });

  it('is asked to end, and made to when it will not', async () => {
    const stop = new AbortController();
    const tried = child("trap 'echo deaf' TERM; echo up; while :; do sleep 0.05; done", { clock: hastyClock() });
    const done = tried.keepRunning(stop.signal);
    await until(() => tried.state.pid !== undefined && readFileSync(join(folder, 'tried.log'), 'utf8').includes('up'));
    const { pid } = tried.state;
    stop.abort();
    await done;
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    expect(said).toEqual(['tried did not end within 3 s and is killed']);
  });
});
