// Starts `vitrine apiserver` as a user does, in a folder of its own on a free port, and ends it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerProcess {
  readonly pid: number;
  readonly directory: string;
  readonly kubeconfig: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  /** PEM of its certificate authority. */
  readonly ca: string;
  /** Resolves with its exit code when it ends; null: by a signal. */
  readonly exited: Promise<number | null>;
  /** The end of what it wrote to its standard error. */
  said(): string;
  stop(): Promise<void>;
}

/** `VITRINE_BIN` runs the tests against another build. */
export const VITRINE = process.env.VITRINE_BIN ?? new URL('../../bin/vitrine', import.meta.url).pathname;

export interface ServerProcessOptions {
  /** Absent: memory. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  /** A command that runs the rest of its words in its own place, such as `unshare -Urm`. */
  readonly within?: readonly string[];
}

/** Resolves when the server is ready (its kubeconfig appeared). */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-apiserver-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const flags = ['--data-dir', options.dataDir ?? 'memory', '--secure-port', '0', '--write-kubeconfig', kubeconfig];
  const words = [process.execPath, VITRINE, 'apiserver', ...flags, ...(options.args ?? [])];
  const [command, ...argv] = [...(options.within ?? []), ...words];
  const child = spawn(command, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-10_000);
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  const deadline = Date.now() + 20_000;
  while (!existsSync(kubeconfig)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`the API server did not become ready: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const text = readFileSync(kubeconfig, 'utf8');
  const field = (name: string): string => new RegExp(`"?${name}"?:\\s*"?([^"\\s,}]+)`).exec(text)![1];
  const caFile = join(directory, 'ca.crt');
  const ca = Buffer.from(field('certificate-authority-data'), 'base64').toString();
  writeFileSync(caFile, ca);
  const [url, token] = [field('server'), field('token')];
  return { pid: child.pid!, directory, kubeconfig, url, token, caFile, ca, exited, said: () => said, stop };
}
