import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Session } from '../../runtime.ts';
import { converse, type OpenSession, outcomeStatus } from '../command-streams.ts';
import { websocketCommand } from './command.ts';

const OPTIONS = { stdin: true, stdout: true, stderr: true, tty: false };

let server: Server;
let url: string;
/** The session behind the next connection. */
let session: Session & { stdin: PassThrough; stdout: PassThrough; stderr: PassThrough };
let end: (exitCode: number) => void;
let isKilled: boolean;
let sizes: unknown[];
let open: OpenSession;

beforeEach(async () => {
  open = async () => session;
  isKilled = false;
  sizes = [];
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = new Promise<number>((resolve) => {
    end = (exitCode) => {
      stdout.end();
      stderr.end();
      resolve(exitCode);
    };
  });
  const kill = (): void => {
    isKilled = true;
    end(137);
  };
  session = { stdin, stdout, stderr, ended, kill, resize: (size) => sizes.push(size) };
  server = createServer().listen(0, '127.0.0.1');
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(
      request,
      socket,
      head,
      (client) => void converse((size) => open(size), websocketCommand(client, OPTIONS), 'error'),
    ),
  );
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterEach(() => server.close());

/** Channel → all that came on it, as text; resolves when the server has closed. */
function hear(client: WebSocket, isBase64 = false): Promise<Record<number, string>> {
  const heard: Record<number, string> = {};
  client.on('message', (message) => {
    const channel = isBase64 ? message[0] - 0x30 : message[0];
    const data = isBase64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    heard[channel] = (heard[channel] ?? '') + data;
  });
  return new Promise((resolve) => client.on('close', () => resolve(heard)));
}

async function connected(protocol: string): Promise<WebSocket> {
  const client = new WebSocket(url, [protocol]);
  await once(client, 'open');
  return client;
}

describe('a command over a WebSocket', () => {
  it('has a channel for each stream, and says at last how it ended', async () => {
    const client = await connected('v5.channel.k8s.io');
    const heard = hear(client);
    client.send(Buffer.from('\0typed'), {});
    const [typed] = (await once(session.stdin, 'data')) as [Buffer];
    client.send(Buffer.from('\x04{"Width":80,"Height":24}'), {});
    client.send(Buffer.from([255, 0]), {});
    await once(session.stdin, 'end');
    session.stdout.write('out');
    session.stderr.write('err');
    end(3);
    expect(typed.toString()).toBe('typed');
    expect(sizes).toEqual([{ rows: 24, columns: 80 }]);
    const { 1: out, 2: err, 3: status } = await heard;
    expect([out, err, JSON.parse(status)]).toEqual(['out', 'err', outcomeStatus({ exitCode: 3 })]);
    expect(isKilled).toBe(false);
  });

  it('may wait for the size of the terminal before it starts', async () => {
    open = async (firstSize) => {
      sizes.push(await firstSize, 'started');
      return session;
    };
    const client = await connected('v5.channel.k8s.io');
    client.send(Buffer.from('\x04{"Width":80,"Height":24}'), {});
    client.send(Buffer.from('\0typed'), {});
    await once(session.stdin, 'data');
    expect(sizes.slice(0, 2)).toEqual([{ rows: 24, columns: 80 }, 'started']);
    client.terminate();
    await session.ended;
  });

  it('speaks base64 where it is asked to', async () => {
    const client = await connected('v4.base64.channel.k8s.io');
    const heard = hear(client, true);
    client.send(`0${Buffer.from('typed').toString('base64')}`, {});
    const [typed] = (await once(session.stdin, 'data')) as [Buffer];
    session.stdout.write('out');
    end(0);
    expect(typed.toString()).toBe('typed');
    expect(await heard).toMatchObject({ 1: 'out', 3: '{"metadata":{},"status":"Success"}' });
  });

  it('is ended when the client goes', async () => {
    const client = await connected('v4.channel.k8s.io');
    client.terminate();
    expect(await session.ended).toBe(137);
    expect(isKilled).toBe(true);
  });

  it('waits for a client that does not read, and for a command that does not', async () => {
    const client = await connected('v5.channel.k8s.io');
    client.pause();
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    while (written < 64 << 20 && session.stdout.write(chunk)) {
      written += chunk.length;
      await new Promise(setImmediate);
    }
    expect(written).toBeLessThan(64 << 20);
    client.resume();
    for (let i = 0; i < 256; i++) client.send(Buffer.alloc(65_537), {});
    let [length, most] = [0, 0];
    for await (const data of session.stdin as AsyncIterable<Buffer>) {
      most = Math.max(most, session.stdin.readableLength);
      length += data.length;
      if (length === 256 * 65_536) break;
    }
    expect(most).toBeLessThan(1 << 20);
    client.terminate();
    await session.ended;
  });
});

it('a command that could not be run is an internal error', () => {
  expect(outcomeStatus({ problem: 'no such thing' })).toMatchObject({
    status: 'Failure',
    reason: 'InternalError',
    message: 'Internal error occurred: no such thing',
    code: 500,
  });
});
