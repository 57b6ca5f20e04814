// Starting shims: orders on descriptor 3, one line of answer on standard output.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { StartError } from '../runtime.ts';

export const PERL = '/usr/bin/perl';
/** ms in which a container has to start. */
const START_LIMIT_MS = 20_000;
/** ms that the output of a command is waited for after its end. */
const OUTPUT_WAIT_MS = 100;
/** Bytes kept of what an executed command says; the kubelet keeps as much of a probe's output. */
const OUTPUT_LIMIT = 10 * 1024;

export function sendOrders(child: ChildProcess, orders: Buffer): void {
  const pipe = child.stdio[3] as Writable;
  pipe.on('error', () => {}); // a shim that ended early is judged by what it said
  pipe.end(orders);
}

/**
 * Starts a container and resolves when its program runs; `ended` is called when the shim has ended, which is when the container
 * has. The shim does not end with us. Rejects with StartError with the shim's words.
 */
export function startShim(script: string, orders: Buffer, ended: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(PERL, [script, 'run'], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
      cwd: '/',
      env: {},
    });
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new StartError(`the container did not start within ${START_LIMIT_MS / 1000} s`));
    }, START_LIMIT_MS);
    const settle = (): void => {
      clearTimeout(timer);
      const answer = said.trim();
      if (answer.startsWith('started ')) resolve();
      else reject(new StartError(answer.replace(/^error /, '') || 'the shim ended without a word'));
    };
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new StartError(`${PERL}: ${error.message}`));
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        said += text;
        if (/^started \d+\n/.test(said)) settle();
      });
    }
    child.on('close', settle);
    child.on('exit', ended);
    child.unref();
    sendOrders(child, orders);
  });
}

/** Runs a command in a container, and ends with its exit code; the shim keeps the time the orders allow (124: over). */
export function runShim(script: string, orders: Buffer): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(PERL, [script, 'enter'], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], cwd: '/', env: {} });
    const chunks: Buffer[] = [];
    let kept = 0;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        if (kept < OUTPUT_LIMIT) chunks.push(chunk.subarray(0, OUTPUT_LIMIT - kept));
        kept += chunk.length;
      });
    }
    child.on('error', reject);
    const settle = (code: number | null): void =>
      resolve({ exitCode: code ?? 137, output: Buffer.concat(chunks).toString() });
    child.on('close', settle);
    // What the command left in the background may hold its output open.
    child.on('exit', (code) => setTimeout(settle, OUTPUT_WAIT_MS, code).unref());
    sendOrders(child, orders);
  });
}
