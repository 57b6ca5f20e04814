// The WebSocket that a request's connection becomes (Exchange.wantsWebSocket).
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Exchange } from './pipeline.ts';

/** Clients have nothing to say but that they go, bytes. */
const MAX_MESSAGE = 1024;

/**
 * Answers 101, in the first of `protocols` that the client offers, if any. Resolves with undefined when what the client sent is no
 * handshake: that was answered, and the connection ends.
 */
export function acceptWebSocket(exchange: Exchange, protocols: readonly string[] = []): Promise<WebSocket | undefined> {
  const { upgrade, info, headers, url, response } = exchange;
  const { socket } = upgrade!;
  response.detachSocket(socket as never);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE,
    clientTracking: false,
    perMessageDeflate: false,
    ...(protocols.length > 0 && {
      handleProtocols: (offered) => protocols.find((known) => offered.has(known)) ?? false,
    }),
  });
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    const request = { method: info.method, headers, url } as IncomingMessage; // what a handshake is read from
    sockets.handleUpgrade(request, socket, Buffer.alloc(0), (client) => {
      client.on('error', () => {}); // `close` follows
      resolve(client);
    });
  });
}
