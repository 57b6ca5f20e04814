// A watch over a WebSocket, one event a message, as browsers and fabric8's informers ask for it
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/watch.go, HandleWS).
import type { WebSocket } from 'ws';
import type { Exchange } from './pipeline.ts';
import type { WatchLines } from './watch-response.ts';
import { acceptWebSocket } from './websocket.ts';

/** Resolves with undefined when what the client sent is no handshake: that was answered, and the connection ends. */
export async function acceptWatchSocket(exchange: Exchange): Promise<WatchLines | undefined> {
  const client = await acceptWebSocket(exchange);
  return client && new WatchSocket(client);
}

class WatchSocket implements WatchLines {
  readonly #client: WebSocket;
  #isClosed = false;

  constructor(client: WebSocket) {
    this.#client = client;
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
