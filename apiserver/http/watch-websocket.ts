// A watch over a WebSocket, one event a message, as browsers and fabric8's informers ask for it
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/watch.go, HandleWS).
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Exchange } from './pipeline.ts';
import type { WatchLines } from './watch-response.ts';

/** Clients have nothing to say but that they go, bytes. */
const MAX_MESSAGE = 1024;

/** Whether this request, which upgrades its connection, wants a WebSocket. */
export function asksForWebSocket({ upgrade, headers }: Exchange): boolean {
  return upgrade !== undefined && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Answers 101. Resolves with undefined when what the client sent is no handshake: that was answered, and the connection ends. */
export function acceptWatchSocket(exchange: Exchange): Promise<WatchLines | undefined> {
  const { upgrade, info, headers, url, response } = exchange;
  const { socket } = upgrade!;
  response.detachSocket(socket as never);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE,
    clientTracking: false,
    perMessageDeflate: false,
  });
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    const request = { method: info.method, headers, url } as IncomingMessage; // what a handshake is read from
    sockets.handleUpgrade(request, socket, Buffer.alloc(0), (client) => resolve(new WatchSocket(client)));
  });
}

class WatchSocket implements WatchLines {
  readonly #client: WebSocket;
  #isClosed = false;

  constructor(client: WebSocket) {
    this.#client = client;
    client.on('error', () => {}); // `close` follows
    client.on('close', () => {
      this.#isClosed = true;
    });
  }

  get destroyed(): boolean {
    return this.#isClosed;
  }

  get writableLength(): number {
    return this.#client.bufferedAmount;
  }

  write(line: Buffer | string): void {
    this.#client.send(line, { binary: false });
  }

  end(): void {
    this.#client.close();
  }

  destroy(): void {
    this.#client.terminate();
  }

  on(event: 'close', heard: () => void): void {
    this.#client.on(event, heard);
  }
}
