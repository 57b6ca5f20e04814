// What a request is answered through, over HTTP/1.1 and HTTP/2 alike. A whole answer goes straight to an HTTP/2 stream: Node's
// imitation of HTTP/1.1's objects above it costs as much as all else of a small request, and is made only for answers that come
// in pieces.
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Http2ServerResponse, type ServerHttp2Stream } from 'node:http2';

/** Bytes that Node encodes without asking for memory, and that with their head do not fill a connection's buffer. */
const SMALL = 15 * 1024;

export interface Reply {
  /** For answers that come in pieces. */
  readonly response: ServerResponse;
  /** The client's address; empty on a unix socket. */
  readonly client: string;
  readonly hasBegun: boolean;
  /** The whole answer; nothing when the client is gone. */
  send(status: number, headers: OutgoingHttpHeaders, body: Buffer | undefined): void;
  /** Breaks off an answer that has begun, so that nobody takes it for whole. */
  destroy(): void;
}

export class Http1Reply implements Reply {
  readonly response: ServerResponse;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.response = response;
  }

  get client(): string {
    return this.#request.socket.remoteAddress ?? '';
  }

  get hasBegun(): boolean {
    return this.response.headersSent;
  }

  send(status: number, headers: OutgoingHttpHeaders, body: Buffer | undefined): void {
    this.response.writeHead(status, headers);
    // As a text of a letter per byte it goes out in one piece with its head, in a fifth less time than the two that bytes would be.
    if (body === undefined) this.response.end();
    else if (body.length <= SMALL) this.response.end(body.toString('latin1'), 'latin1');
    else this.#sendLarge(body);
  }

  /**
   * The last byte leaves when all before it have. While a connection's buffer is full, Node stops reading requests from it, and then
   * takes a body that comes in several TLS records for a parse error ("Paused"): a client that has the answer may send one at once.
   */
  #sendLarge(body: Buffer): void {
    const end = (): void => void this.response.end(body.subarray(-1));
    if (this.response.write(body.subarray(0, -1))) end();
    else this.response.once('drain', end);
  }

  destroy(): void {
    this.response.destroy();
  }
}

export class Http2Reply implements Reply {
  readonly #stream: ServerHttp2Stream;
  #response: ServerResponse | undefined;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get response(): ServerResponse {
    this.#response ??= new Http2ServerResponse(this.#stream) as unknown as ServerResponse;
    return this.#response;
  }

  get client(): string {
    return this.#stream.session?.socket.remoteAddress ?? '';
  }

  get hasBegun(): boolean {
    return this.#stream.headersSent;
  }

  send(status: number, headers: OutgoingHttpHeaders, body: Buffer | undefined): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ':status': status, ...headers }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
  }

  destroy(): void {
    this.#stream.destroy();
  }
}
