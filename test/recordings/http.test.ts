// Plays the recorded HTTP exchanges of upstream's API server against ours, started as a user starts it.
// SHORTFALLS lists the answers that still differ, by scenario, with the reason; a number may only go down.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { type ServerProcess, startServerProcess } from '../harness/apiserver.ts';
import { SHORTFALLS } from './http-shortfalls.ts';

// Each scenario has a namespace of its own and mostly waits.
vi.setConfig({ maxConcurrency: 12, testTimeout: 60_000 });

const execFileAsync = promisify(execFile);
const folder = new URL('../golden/http/', import.meta.url).pathname;
const scenarios = readdirSync(`${folder}scenarios`).map((file) => file.replace(/\.json$/, ''));

let server: ServerProcess;
beforeAll(async () => {
  server = await startServerProcess();
});
afterAll(() => server?.stop());

/** Runs one scenario; returns how many answers differed, and the runner's words. */
async function play(name: string): Promise<{ failed: number; said: string }> {
  const { url, token, caFile } = server;
  // `=`, since a token may begin with a dash.
  const argv = [`${folder}replay.mjs`, '--server', url, `--token=${token}`, '--ca', caFile];
  const { stdout } = await execFileAsync(process.execPath, [...argv, `${folder}scenarios/${name}.json`], {
    maxBuffer: 1 << 26,
  }).catch((error: { stdout: string }) => error);
  const counts = /(\d+) passed, (\d+) failed/.exec(stdout);
  if (!counts) throw new Error(`the runner did not finish: ${stdout}`);
  return { failed: Number(counts[2]), said: stdout };
}

describe('recorded HTTP exchanges', () => {
  const alone = scenarios.filter((name) => {
    const { needs } = JSON.parse(readFileSync(`${folder}scenarios/${name}.json`, 'utf8')) as { needs?: string[] };
    return !needs;
  });

  it.concurrent.for(alone)('%s', async (name, { expect }) => {
    const { failed, said } = await play(name);
    expect(failed, said).toBeLessThanOrEqual(SHORTFALLS[name]?.failed ?? 0);
  });
});
