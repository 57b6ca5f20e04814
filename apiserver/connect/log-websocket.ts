// A log over a WebSocket, a piece of it a message, as browsers ask for it
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/responsewriters, k8s.io/apimachinery pkg/util/httpstream/wsstream).
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Exchange } from '../http/pipeline.ts';
import { acceptWebSocket } from '../http/websocket.ts';

/** Of those a client offers the first that is here is taken; one that offers none gets bytes. */
const PROTOCOLS = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** Passes `log` on to its end, or until the client has gone. Resolves with the status that was answered. */
export async function passLogToSocket(exchange: Exchange, log: IncomingMessage): Promise<number> {
  const client = await acceptWebSocket(exchange, PROTOCOLS);
  if (!client) {
    log.destroy();
    return 400;
  }
  const closed = once(client, 'close').then(() => void log.destroy());
  try {
    for await (const piece of log) await send(client, piece as Buffer);
    client.close();
  } catch {
    client.terminate(); // broken off on either side: nobody takes it for whole
  }
  await closed;
  return 101;
}

/** Resolves when the piece is on its way, so that a slow client slows the log. Rejects when the client has gone. */
function send(client: WebSocket, piece: Buffer): Promise<void> {
  const isText = client.protocol === PROTOCOLS[1];
  return new Promise((resolve, reject) => {
    const sent = (error?: Error | null): void => (error ? reject(error) : resolve());
    client.send(isText ? piece.toString('base64') : piece, { binary: !isText }, sent);
  });
}
