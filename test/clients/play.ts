// Makes a client ready and runs its checks against a cluster.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Client, Command } from './clients.ts';

export interface Outcome {
  readonly passed: number;
  /** The lines of checks that failed, and how the program ended if not well. */
  readonly failures: readonly string[];
}

export interface PlayOptions {
  readonly kubeconfig: string;
  /** Called with every line a check prints. */
  readonly onLine?: (line: string) => void;
  /** ms until a program that does not end is killed. */
  readonly patienceMs: number;
}

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vitrine', 'clients');

/** Resolves with the client's cache folder. What was made of the same sources is not made again. Rejects with what went wrong. */
export async function makeReady(client: Client): Promise<string> {
  const cache = join(CACHE, client.name);
  if (!client.source) return cache;
  const stamp = join(cache, '.made-of');
  const wanted = digest(client.source);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return cache;
  mkdirSync(cache, { recursive: true });
  for (const command of client.prepare(cache)) {
    const { code, said } = await run(command, {});
    if (code !== 0) throw new Error(`${command.argv.slice(0, 2).join(' ')} ended with ${code}: ${said}`);
  }
  writeFileSync(stamp, wanted);
  return cache;
}

/** Runs the checks; the client is ready. */
export async function play(client: Client, cache: string, options: PlayOptions): Promise<Outcome> {
  const command = client.checks(cache);
  const lines: string[] = [];
  const onLine = (line: string): void => {
    lines.push(line);
    options.onLine?.(line);
  };
  const { code, said } = await run(
    { ...command, env: { ...command.env, KUBECONFIG: options.kubeconfig } },
    { onLine, patienceMs: options.patienceMs },
  );
  const passed = lines.filter((line) => line.startsWith('ok ')).length;
  const failures = lines.filter((line) => line.startsWith('FAIL '));
  const isSilent = passed + failures.length === 0;
  if (failures.length === 0 && (isSilent || code !== 0)) {
    const line = `FAIL ${isSilent ? 'nothing was checked, and ' : ''}the program ended with ${code}: ${said}`;
    options.onLine?.(line);
    failures.push(line);
  }
  return { passed, failures };
}

interface Ended {
  /** null: by a signal. */
  readonly code: number | null;
  /** The end of what it wrote to its standard error. */
  readonly said: string;
}

async function run(
  { argv, cwd, env }: Command,
  { onLine, patienceMs }: { onLine?: (line: string) => void; patienceMs?: number },
): Promise<Ended> {
  const child: ChildProcess = spawn(argv[0], argv.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patienceMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = `${said}${chunk}`.slice(-2000);
  };
  child.stderr!.on('data', keep);
  createInterface({ input: child.stdout! }).on('line', (line) => onLine?.(line));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

function digest(folder: string): string {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    hash.update(path).update(readFileSync(path));
  }
  return hash.digest('hex');
}
