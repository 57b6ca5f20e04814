// One HTTP/1.1 request to whoever is behind this server: a node's agent (TLS, both sides showing certificates), a pod or a Service.
import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Pair } from '../certificate-issuer.ts';
import { type Dial, DialError } from './egress.ts';

/** Who this server is to nodes' agents. */
export class NodeIdentity {
  readonly #client: Pair;
  readonly #ca: string;
  #context: SecureContext | undefined;

  /** PEM: what this server shows, and the authority that must have issued what the agent shows. */
  constructor(client: Pair, ca: string) {
    this.#client = client;
    this.#ca = ca;
  }

  /** Read once, when the first connection needs it: that takes 6 ms. */
  get secureContext(): SecureContext {
    this.#context ??= createSecureContext({ ...this.#client, ca: this.#ca });
    return this.#context;
  }
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

/** Connects, and begins a request whose body the caller writes and ends. Rejects with DialError, or when the backend is not who it should be. */
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

/** What OpenSSL calls a certificate that nobody we trust has signed. */
const UNKNOWN_AUTHORITY = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

async function openConnection(dial: Dial, { host, port, tls }: Backend): Promise<Socket> {
  const socket = await dial(host, port);
  if (!tls) return socket;
  const identity = tls === 'anyone' ? { rejectUnauthorized: false } : { secureContext: tls.secureContext };
  return secured(connectTls({ socket, host, ...identity }), (error) =>
    UNKNOWN_AUTHORITY.includes(error.code ?? '')
      ? new Error('tls: failed to verify certificate: x509: certificate signed by unknown authority')
      : new DialError(host, port, error.message),
  );
}

function secured(socket: TLSSocket, failure: (error: NodeJS.ErrnoException) => Error): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(failure(error));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail);
      socket.on('error', () => {}); // from here on its `close` tells
      resolve(socket);
    });
  });
}
