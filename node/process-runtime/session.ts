// The agent's end of `shim.pl session` and `shim.pl dial` (shim-session.ts tells what the two say to each other).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { type PodConnection, type Session, StartError } from '../runtime.ts';
import { PERL, sendOrders } from './shim-client.ts';

/** ms between asking a session to end and ending it. */
const GRACE_MS = 2000;

/** Runs a command in a container. Rejects with StartError with the shim's words when it cannot be run. */
export async function startSession(script: string, orders: Buffer): Promise<Session> {
  const child = spawn(PERL, [script, 'session'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: {},
  });
  const said = new Lines(child);
  sendOrders(child, orders);
  const control = child.stdio[4] as Socket;
  control.on('error', () => {}); // a shim that has ended needs no more telling
  const ended = once(child, 'exit').then(([code, signal]): number => code ?? (signal === 'SIGKILL' ? 137 : 143));
  try {
    const [word, ...numbers] = (await said.next()).split(' ');
    if (word !== 'pipes') throw new StartError([word, ...numbers].join(' ').replace(/^error /, ''));
    const [stdin, stdout, stderr] = openPipes(child.pid!, numbers);
    control.write('go\n');
    const answer = await said.next();
    if (!answer.startsWith('started')) {
      for (const pipe of [stdin, stdout, stderr]) pipe?.destroy();
      throw new StartError(answer.replace(/^error /, ''));
    }
    return {
      stdin,
      stdout: stdout!,
      stderr,
      ended: ended.finally(() => control.destroy()),
      resize: ({ rows, columns }) => void control.write(`size ${rows} ${columns}\n`),
      kill: () => end(child),
    };
  } catch (error) {
    end(child);
    control.destroy();
    throw error;
  }
}

/**
 * Opens the shim's ends of the pipes for ourselves: `[standard input, output, error]`. They are pipes and no sockets, so that what a
 * command does with /dev/stdin or /dev/stdout works as in a shell.
 */
function openPipes(pid: number, numbers: readonly string[]): (Socket | undefined)[] {
  return numbers.map((number, index) => {
    if (number === '-') return undefined;
    const isInput = index === 0;
    const mode = (isInput ? constants.O_WRONLY : constants.O_RDONLY) | constants.O_NONBLOCK;
    const fd = openSync(`/proc/${pid}/fd/${number}`, mode);
    const pipe = new Socket({ fd, readable: !isInput, writable: isInput });
    pipe.on('error', () => {}); // a command that has ended reads no more; how it ended tells the rest
    return pipe;
  });
}

/** Connects to a port of the network the orders name. Rejects with the kernel's reason. */
export async function dial(script: string, orders: Buffer): Promise<PodConnection> {
  const child = spawn(PERL, [script, 'dial'], { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], cwd: '/', env: {} });
  const [input, output] = [child.stdin as Writable, child.stdout as Readable];
  for (const end of [input, output]) end.on('error', () => {}); // its end is what the other side is told
  sendOrders(child, orders);
  const trouble = await new Promise<string | undefined>((resolve) => {
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said === 'connected\n') resolve(undefined);
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', () => resolve(said.trim() || 'the shim ended without a word'));
  });
  if (trouble) throw new Error(trouble);
  return { input, output, close: () => end(child) };
}

function end(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  timer.unref();
  child.once('exit', () => clearTimeout(timer));
}

/** What a shim says on standard output, line by line; what it said on standard error stands for a missing line. */
class Lines {
  #text = '';
  #errors = '';
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    const over = (): void => {
      this.#isOver = true;
      this.#wake?.();
    };
    child.on('close', over);
    child.on('error', (error) => {
      this.#errors += error.message;
      over();
    });
  }

  async next(): Promise<string> {
    while (!this.#text.includes('\n')) {
      if (this.#isOver) return `error ${this.#errors.trim() || 'the shim ended without a word'}`;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const [line] = this.#text.split('\n', 1);
    this.#text = this.#text.slice(line.length + 1);
    return line;
  }
}
