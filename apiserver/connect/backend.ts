// One HTTP/1.1 request to whoever is behind this server: a node's agent (TLS, both sides showing certificates), a pod or a Service.
import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Pair } from '../certificate-issuer.ts';
import { type Dial, DialError } from './egress.ts';

export interface NodeIdentity {
  /** PEM: what this server shows. */
  readonly client: Pair;
  /** PEM of the authority that must have issued what the agent shows. */
  readonly ca: string;
}

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** Absent: no TLS. `anyone`: TLS with whoever answers, as upstream proxies to https pods and Services. */
  readonly tls?: NodeIdentity | 'anyone';
}

export interface BackendRequest {
  readonly method: string;
  /** Path and query as they go on the wire. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly signal: AbortSignal;
}

/** Connects, and begins a request whose body the caller writes and ends. Rejects with DialError. */
export async function beginRequest(dial: Dial, backend: Backend, request: BackendRequest): Promise<ClientRequest> {
  const { method, path, headers, signal } = request;
  const socket = await openConnection(dial, backend);
  const begun = http.request({ createConnection: () => socket, method, path, headers });
  const stop = (): void => void begun.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  begun.once('close', () => signal.removeEventListener('abort', stop));
  if (signal.aborted) stop();
  return begun;
}

/** What the backend answered: an ordinary response, or the connection itself when it agreed to upgrade. */
export type BackendAnswer =
  | { readonly response: IncomingMessage; readonly socket?: undefined }
  | { readonly response: IncomingMessage; readonly socket: Socket; readonly head: Buffer };

/** Rejects when the connection breaks before an answer. */
export function answerTo(request: ClientRequest): Promise<BackendAnswer> {
  return new Promise((resolve, reject) => {
    request.once('response', (response) => resolve({ response }));
    request.once('upgrade', (response, socket: Socket, head) => resolve({ response, socket, head }));
    request.on('error', reject);
  });
}

async function openConnection(dial: Dial, { host, port, tls }: Backend): Promise<Socket> {
  const socket = await dial(host, port);
  if (!tls) return socket;
  const identity = tls === 'anyone' ? { rejectUnauthorized: false } : { ...tls.client, ca: tls.ca };
  return secured(connectTls({ socket, host, ...identity }), (reason) => new DialError(host, port, reason));
}

function secured(socket: TLSSocket, failure: (reason: string) => DialError): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(failure(error.message));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      socket.on('error', () => {}); // from here on its `close` tells
      resolve(socket);
    });
  });
}
