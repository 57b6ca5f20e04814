import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FORWARDER_PROGRAM } from './forwarder.ts';

let folder: string;
let socketPath: string;
let forwarder: ChildProcess;
let server: Server | undefined;
let port: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-forwarder-'));
  socketPath = join(folder, 'server.sock');
  writeFileSync(join(folder, 'forwarder.pl'), FORWARDER_PROGRAM);
  port = await freePort();
  forwarder = forward('127.0.0.1');
});
afterEach(async () => {
  const ended = once(forwarder, 'exit');
  forwarder.kill();
  await ended;
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function forward(address: string): ChildProcess {
  return spawn('perl', [join(folder, 'forwarder.pl'), address, String(port), socketPath]);
}

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const found = (taken.address() as { port: number }).port;
  taken.close();
  return found;
}

async function serve(answer: (socket: Socket) => void): Promise<void> {
  server = createServer({ allowHalfOpen: true }, answer).listen(socketPath);
  await once(server, 'listening');
}

/** As soon as the forwarder listens. */
async function dial(host = '127.0.0.1'): Promise<Socket> {
  for (;;) {
    const socket = connect({ host, port, allowHalfOpen: true });
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    if (isOpen) return socket;
  }
}

describe('the forwarder', () => {
  it('passes everything on in both directions, to the last byte after one side has finished', async () => {
    await serve((socket) => {
      const heard: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat([...heard, ...heard])));
    });
    const sent = randomBytes(3_000_000);
    const answers = Array.from({ length: 5 }, async () => {
      const socket = await dial();
      socket.end(sent);
      return buffer(socket);
    });
    for (const heard of await Promise.all(answers)) expect(heard.equals(Buffer.concat([sent, sent]))).toBe(true);
  });

  it('does not let one slow reader stop the others', async () => {
    await serve((socket) => {
      socket.on('data', (chunk) => socket.write(chunk));
      socket.on('error', () => {}); // the slow one is torn off
    });
    const slow = await dial();
    slow.pause();
    slow.write(randomBytes(8_000_000)); // nobody reads the answer
    const quick = await dial();
    quick.write('are you there?');
    const [heard] = (await once(quick, 'data')) as [Buffer];
    expect(heard.toString()).toBe('are you there?');
    slow.destroy();
    quick.destroy();
  });

  it('closes a connection when there is no server, and serves the next one when there is', async () => {
    const early = await dial();
    early.on('error', () => {}); // reset or ended: both say that nobody is there
    const closed = new Promise<void>((resolve) => early.once('close', () => resolve()));
    early.resume().end('hello?');
    await closed;
    await serve((socket) => socket.end('hello'));
    const late = await dial();
    expect((await buffer(late)).toString()).toBe('hello');
    late.destroy();
  });

  it('listens at an IPv6 address too', async () => {
    await serve((socket) => socket.end('hello'));
    const another = forward('::1');
    const socket = await dial('::1');
    expect((await buffer(socket)).toString()).toBe('hello');
    const ended = once(another, 'exit');
    another.kill();
    await ended;
  });

  it('says why it cannot listen', async () => {
    const second = spawn('perl', [join(folder, 'forwarder.pl'), '192.0.2.1', '1', socketPath]);
    const said = buffer(second.stderr);
    const [code] = await once(second, 'exit');
    expect(code).not.toBe(0);
    expect((await said).toString()).toMatch(/^cannot listen on 192\.0\.2\.1:1: Cannot assign requested address/);
  });
});
