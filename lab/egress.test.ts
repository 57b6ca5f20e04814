import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dialThrough } from '../apiserver/connect/egress.ts';
import { EGRESS_PROGRAM } from './egress.ts';

let folder: string;
let path: string;
let egress: ChildProcess;
let server: Server | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-egress-'));
  path = join(folder, 'egress.sock');
  writeFileSync(join(folder, 'egress.pl'), EGRESS_PROGRAM);
  egress = spawn('perl', [join(folder, 'egress.pl'), path, '127.0.0.1', '::1']);
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
});
afterEach(async () => {
  const ended = once(egress, 'exit');
  egress.kill();
  await ended;
  server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function serve(answer: (socket: import('node:net').Socket) => void, host = '127.0.0.1'): Promise<number> {
  server = createServer({ allowHalfOpen: true }, answer).listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('the way of the API server into the lab', () => {
  it('passes everything on in both directions, to the last byte after one side has finished', async () => {
    const port = await serve((socket) => {
      const heard: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => heard.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat([...heard, ...heard])));
    });
    const sent = randomBytes(3_000_000);
    const answers = Array.from({ length: 5 }, async () => {
      const socket = await dialThrough(path)('127.0.0.1', port);
      socket.write(sent);
      const finished = new Promise((resolve) => socket.once('finish', resolve));
      socket.end();
      const [heard] = await Promise.all([buffer(socket), finished]);
      return heard;
    });
    for (const heard of await Promise.all(answers)) expect(heard.length).toBe(2 * sent.length);
  });

  it('reaches IPv6 addresses too, from one of its own', async () => {
    const port = await serve((socket) => socket.end(`hello, ${socket.remoteAddress}`), '::1');
    expect(await text(await dialThrough(path)('::1', port))).toBe('hello, ::1');
  });

  it('tells why a place cannot be reached', async () => {
    const port = await serve((socket) => socket.end('here'));
    expect(await text(await dialThrough(path)('127.0.0.1', port))).toBe('here');
    server!.close();
    await expect(dialThrough(path)('127.0.0.1', port)).rejects.toThrow(
      `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
  });
});
