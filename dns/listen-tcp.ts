// Queries over TCP (RFC 7766): many on one connection, answered in whatever order they are ready.
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Logger } from '../host/log.ts';
import type { ListenOptions } from './listen-udp.ts';
import type { Responder } from './responder.ts';
import { FrameReader, frame } from './wire/frame.ts';
import type { Client } from './wire/reply.ts';

/** ms without a word after which a connection is closed. */
const IDLE_MS = 10_000;
/** Connections at once; one more is closed at once. */
const MOST_CONNECTIONS = 1024;
/** Replies that a client may leave unread before it is closed, bytes. */
const MOST_UNREAD = 2 ** 20;

/** Resolves when it listens; rejects when it cannot. Closes, with all connections, when `signal` aborts. */
export async function listenTCP({ address, responder, log }: ListenOptions, signal: AbortSignal): Promise<Server> {
  const client = { transport: 'tcp', family: isIPv6(address.host) ? 6 : 4 } as const;
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, { responder, client, log });
  });
  server.maxConnections = MOST_CONNECTIONS;
  const listening = once(server, 'listening');
  server.listen({ host: address.host, port: address.port });
  await listening;
  server.on('error', (error) => log.warn({ error: error.message }, 'a connection could not be accepted'));
  const close = (): void => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  return server;
}

interface Serving {
  readonly responder: Responder;
  readonly client: Client;
  readonly log: Logger;
}

function serve(socket: Socket, { responder, client, log }: Serving): void {
  const frames = new FrameReader();
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // the client is gone
  const send = (reply: Buffer | undefined): void => {
    if (!reply || socket.destroyed) return;
    socket.write(frame(reply));
    if (socket.writableLength > MOST_UNREAD) socket.destroy();
  };
  socket.on('data', (chunk) => {
    for (const message of frames.read(chunk)) {
      if (message.length === 0) return void socket.destroy(); // no query is that short: whatever comes next is none either
      const reply = responder.respond(message, client);
      if (reply instanceof Promise) reply.then(send).catch((error) => log.error({ err: error }, 'no reply sent'));
      else send(reply);
    }
  });
}
