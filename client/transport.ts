// One HTTP exchange with an API server: keep-alive connections, credentials, time limits. What the bytes mean is rest.ts's.
import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { createSecureContext } from 'node:tls';
import { ConnectionError } from './client.ts';
import type { Connection } from './connection.ts';

const TOKEN_LIFE_MS = 60_000;
/** First TCP keepalive probe on an idle connection: notices a peer whose machine is gone, during a watch too. */
const KEEPALIVE_MS = 15_000;

export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly accept: string;
  /** ms until the response's headers must be there. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export class Transport {
  readonly #connection: Connection;
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #userAgent: string;
  #token: { text: string; readAt: number } | undefined;

  constructor(connection: Connection, userAgent: string) {
    this.#connection = connection;
    this.#url = new URL(connection.server);
    this.#userAgent = userAgent;
    this.#agent =
      this.#url.protocol === 'http:'
        ? new http.Agent({ keepAlive: true, maxFreeSockets: 64 })
        : new https.Agent({
            keepAlive: true,
            maxFreeSockets: 64,
            // Read once: every watch has a connection of its own.
            secureContext: createSecureContext({ ca: connection.ca, cert: connection.cert, key: connection.key }),
            rejectUnauthorized: !connection.insecure,
            ...(connection.tlsServerName && { servername: connection.tlsServerName }),
          });
  }

  /**
   * Resolves with the response once its headers are there; the caller reads the body. Rejects with ConnectionError, or
   * with the signal's reason when it aborts. A GET on a kept connection that the server closed meanwhile is sent once more.
   */
  async send(exchange: Exchange): Promise<http.IncomingMessage> {
    const headers = await this.#headers(exchange);
    try {
      return await this.#once(exchange, headers);
    } catch (error) {
      if (!(error instanceof StaleConnectionError) || exchange.method !== 'GET') throw error;
      return this.#once(exchange, headers);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(exchange: Exchange, headers: http.OutgoingHttpHeaders): Promise<http.IncomingMessage> {
    const { method, path, body, signal, timeoutMs } = exchange;
    if (signal) setMaxListeners(0, signal); // every watch of a program listens to its one stop signal
    return new Promise((resolve, reject) => {
      const send = this.#url.protocol === 'http:' ? http.request : https.request;
      const request = send({
        agent: this.#agent,
        method,
        host: this.#url.hostname.replace(/^\[|\]$/g, ''),
        port: this.#url.port || (this.#url.protocol === 'http:' ? 80 : 443),
        path: this.#url.pathname.replace(/\/$/, '') + path,
        headers,
        signal,
      });
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer to ${method} ${path} within ${timeoutMs} ms`)),
        timeoutMs,
      );
      request.on('socket', (socket) => socket.setKeepAlive(true, KEEPALIVE_MS));
      request.on('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        if (signal?.aborted) return reject(signal.reason);
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        const message = `${this.#url.host}: ${error.message || error.code}`;
        reject(new (stale ? StaleConnectionError : ConnectionError)(message, { cause: error }));
      });
      request.end(body);
    });
  }

  async #headers({ body, contentType, accept }: Exchange): Promise<http.OutgoingHttpHeaders> {
    const token = await this.#bearer();
    return {
      accept,
      'user-agent': this.#userAgent,
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
    };
  }

  async #bearer(): Promise<string | undefined> {
    const { token, tokenFile } = this.#connection;
    if (!tokenFile) return token;
    const now = Date.now();
    if (!this.#token || now - this.#token.readAt > TOKEN_LIFE_MS) {
      this.#token = { text: (await readFile(tokenFile, 'utf8')).trim(), readAt: now };
    }
    return this.#token.text;
  }
}

/** A kept connection turned out to be closed when it was used again. */
class StaleConnectionError extends ConnectionError {}

/** Reads a body to its end. Rejects with ConnectionError when the connection breaks or `timeoutMs` pass first. */
export async function readBody(response: http.IncomingMessage, timeoutMs: number): Promise<string> {
  const timer = setTimeout(() => response.destroy(new Error(`body not complete within ${timeoutMs} ms`)), timeoutMs);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return (chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).toString('utf8');
  } catch (error) {
    throw new ConnectionError((error as Error).message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
