// Requests with as little of a client around them as possible, so that a server is measured and not its load:
// HTTP/1.1 by hand over TLS, HTTP/2 by node:http2. One request at a time per connection.
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Target } from './server.ts';

export type Protocol = 'http/1.1' | 'h2';

export interface Request {
  readonly method: 'DELETE' | 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

export interface Wire {
  /** Resolves with the body of a 2xx answer; rejects for any other. */
  send(request: Request): Promise<string>;
  close(): void;
}

export function connect(protocol: Protocol, target: Target): Promise<Wire> {
  return protocol === 'h2' ? overHttp2(target) : overHttp1(target);
}

export function openSocket({ host, port, ca }: Target): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, ca, ALPNProtocols: ['http/1.1'] }, () => resolve(socket));
    socket.setNoDelay(true);
    socket.once('error', reject);
  });
}

export function openSession({ host, port, ca }: Target): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${host}:${port}`, { ca }, () => resolve(session));
    session.once('error', reject);
  });
}

/** The request as it goes over HTTP/1.1. */
export function encodeRequest({ method, path, contentType, body = '' }: Request, { host, token }: Target): string {
  const headers = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${token}`];
  if (contentType) headers.push(`Content-Type: ${contentType}`, `Content-Length: ${Buffer.byteLength(body)}`);
  return `${headers.join('\r\n')}\r\n\r\n${body}`;
}

/** The request's headers as they go over HTTP/2. */
export function headersOf({ method, path, contentType }: Request, { token }: Target): Record<string, string> {
  const content = contentType && { 'content-type': contentType };
  return { ':method': method, ':path': path, authorization: `Bearer ${token}`, ...content };
}

async function overHttp1(target: Target): Promise<Wire> {
  const socket = await openSocket(target);
  let received: Buffer[] = [];
  let size = 0;
  let head: Head | undefined;
  let waiting: { resolve(body: string): void; reject(error: Error): void } | undefined;
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk);
    size += chunk.length;
    head ??= parseHead(received.length === 1 ? chunk : Buffer.concat(received));
    if (!head || size < head.bodyEnd) return;
    const { status, bodyStart, bodyEnd } = head;
    const body = Buffer.concat(received).toString('utf8', bodyStart, bodyEnd);
    received = [];
    size = 0;
    head = undefined;
    if (status >= 200 && status < 300) waiting!.resolve(body);
    else waiting!.reject(new Error(`${status}: ${body}`));
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('the server closed the connection')));
  const send = (request: Request): Promise<string> =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      socket.write(encodeRequest(request, target));
    });
  return { send, close: () => socket.destroy() };
}

interface Head {
  readonly status: number;
  /** In bytes from the answer's first. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** Undefined while the head is not complete; throws when it has no Content-Length. */
function parseHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without Content-Length: ${head}`);
  const bodyStart = end + 4;
  return { status: Number(head.slice(9, 12)), bodyStart, bodyEnd: bodyStart + Number(length) };
}

async function overHttp2(target: Target): Promise<Wire> {
  const session = await openSession(target);
  const send = (request: Request): Promise<string> =>
    new Promise((resolve, reject) => {
      const stream = session.request(headersOf(request, target), { endStream: request.body === undefined });
      let status = 0;
      let body = '';
      stream.setEncoding('utf8');
      stream.on('response', (headers) => {
        status = headers[':status']!;
      });
      stream.on('data', (chunk: string) => {
        body += chunk;
      });
      stream.on('end', () => (status >= 200 && status < 300 ? resolve(body) : reject(new Error(`${status}: ${body}`))));
      stream.on('error', reject);
      if (request.body !== undefined) stream.end(request.body);
    });
  return { send, close: () => session.destroy() };
}
