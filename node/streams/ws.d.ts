// What we use of `ws` (8.x), which brings no declarations of its own.
declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex, DuplexOptions } from 'node:stream';

  export interface WebSocketOptions {
    noServer?: boolean;
    maxPayload?: number;
    perMessageDeflate?: boolean;
    clientTracking?: boolean;
    handleProtocols?(protocols: Set<string>, request: IncomingMessage): string | false;
  }

  export class WebSocket extends EventEmitter {
    readonly protocol: string;
    readonly readyState: number;
    readonly bufferedAmount: number;
    readonly isPaused: boolean;
    constructor(url: string, protocols?: string[], options?: object);
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: 'close', listener: (code: number) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'open', listener: () => void): this;
    send(data: Buffer | string, options: { binary?: boolean }, done?: (error?: Error) => void): void;
    ping(): void;
    pause(): void;
    resume(): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
  }

  export class WebSocketServer {
    constructor(options: WebSocketOptions);
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (client: WebSocket, request: IncomingMessage) => void,
    ): void;
    close(): void;
  }

  export function createWebSocketStream(client: WebSocket, options?: DuplexOptions): Duplex;
}
