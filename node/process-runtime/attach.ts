// The agent's end of a container's attach socket (shim-attach.ts): many may be there at once, and leave without the container's noticing.
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type { Session } from '../runtime.ts';
import { FRAME } from './shim-attach.ts';

const HEAD = 5;
/** Bytes of one frame: the shim takes no more. */
const FRAME_LIMIT = 256 * 1024;

/** Rejects when nobody listens there. */
export async function attachTo(path: string): Promise<Session> {
  const socket = await connectTo(path);
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void distribute(socket, { stdout, stderr });
  return {
    stdin: new Writable({
      write: (data: Buffer, _encoding, done) => sendAll(socket, data, done),
      final: (done) => void socket.write(frame(FRAME.inputEnd, Buffer.alloc(0)), () => done()),
    }),
    stdout,
    stderr,
    // How the container ended is its status's to tell.
    ended: closed.then(() => 0),
    resize: ({ rows, columns }) => void socket.write(frame(FRAME.size, Buffer.from(`${rows} ${columns}`))),
    kill: () => void socket.destroy(),
  };
}

/** By way of the open folder: a socket's address holds no more than 107 bytes, and the folder may lie deeper. */
async function connectTo(path: string): Promise<Socket> {
  const folder = openSync(dirname(path), 'r');
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(`/proc/self/fd/${folder}/${basename(path)}`);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        socket.on('error', () => {}); // `close` follows
        resolve(socket);
      });
    });
  } finally {
    closeSync(folder);
  }
}

function frame(what: number, contents: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head[0] = what;
  head.writeUInt32BE(contents.length, 1);
  return Buffer.concat([head, contents]);
}

function sendAll(socket: Socket, data: Buffer, done: (error?: Error | null) => void): void {
  if (!socket.writable) {
    done(new Error('the container has ended'));
    return;
  }
  for (let at = FRAME_LIMIT; at < data.length; at += FRAME_LIMIT) {
    socket.write(frame(FRAME.input, data.subarray(at - FRAME_LIMIT, at)));
  }
  const last = Math.floor((data.length - 1) / FRAME_LIMIT) * FRAME_LIMIT;
  socket.write(frame(FRAME.input, data.subarray(Math.max(0, last))), (error) => done(error));
}

/** Reads frames until the shim closes; whoever reads slowly slows the container. */
async function distribute(
  socket: Socket,
  { stdout, stderr }: { stdout: PassThrough; stderr: PassThrough },
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      while (rest.length >= HEAD && rest.length >= HEAD + rest.readUInt32BE(1)) {
        const end = HEAD + rest.readUInt32BE(1);
        const to = rest[0] === FRAME.error ? stderr : stdout;
        if (!to.write(rest.subarray(HEAD, end)) && !to.destroyed) await drained(to);
        rest = rest.subarray(end);
      }
    }
  } catch {
    // Whoever attached has left, or the shim was killed: in either case that was all.
  }
  stdout.end();
  stderr.end();
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}
