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
  stop(): Promise<void>;
}

export const VITRINE = new URL('../../bin/vitrine', import.meta.url).pathname;

/** Resolves when the server is ready (its kubeconfig appeared). `dataDir` absent: memory. */
export async function startServerProcess(options: { dataDir?: string; args?: string[] } = {}): Promise<ServerProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-apiserver-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const flags = ['--data-dir', options.dataDir ?? 'memory', '--secure-port', '0', '--write-kubeconfig', kubeconfig];
  const child = spawn(process.execPath, [VITRINE, 'apiserver', ...flags, ...(options.args ?? [])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-10_000);
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
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
  writeFileSync(caFile, Buffer.from(field('certificate-authority-data'), 'base64'));
  return { pid: child.pid!, directory, kubeconfig, url: field('server'), token: field('token'), caFile, stop };
}
