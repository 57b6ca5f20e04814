// The agent's own HTTPS server, as a kubelet's: logs, commands and ports of this node's pods, for the API server alone
// (kubernetes v1.36 pkg/kubelet/server/server.go). Errors are plain text, as the kubelet's are.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { aborted } from '../../host/lifecycle.ts';
import { serveDocument } from './documents.ts';
import type { StreamContext } from './stream-context.ts';
import { plainText, StreamError } from './stream-error.ts';
import { serveUpgrade } from './upgrade.ts';

/** The port of a kubelet. */
export const KUBELET_PORT = 10250;

/** PEM. */
export interface ServingIdentity {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** The authority of clients' certificates. */
  readonly clientCA: string | Buffer;
}

export interface StreamServerOptions extends ServingIdentity {
  readonly host: string;
  readonly port: number;
}

/** Group of those who may do everything here; the certificate of an API server names it as its organization. */
const MASTERS = 'system:masters';

/** Serves until `signal` aborts; then every conversation is ended. Rejects when the address cannot be had. */
export async function serveStreams(
  options: StreamServerOptions,
  context: StreamContext,
  signal: AbortSignal,
): Promise<void> {
  const open = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    const done: Promise<void> = work
      .catch((error: Error) => context.log.warn({ err: error }, 'a conversation broke off'))
      .finally(() => open.delete(done));
    open.add(done);
  };
  const { host, port, cert, key, clientCA } = options;
  // Who has no certificate is told so in HTTP, as the kubelet does.
  const server = createServer({ cert, key, ca: clientCA, requestCert: true, rejectUnauthorized: false, noDelay: true });
  server.on('request', (request, response) => track(answer(request, response, context)));
  server.on('upgrade', (request, socket, head) => track(upgrade(request, socket, head, context)));
  const sockets = trackSockets(server);
  server.listen({ host, port });
  await once(server, 'listening');
  await aborted(signal);
  server.close();
  for (const socket of sockets) socket.destroy();
  await Promise.all(open);
}

async function answer(request: IncomingMessage, response: ServerResponse, context: StreamContext): Promise<void> {
  try {
    admit(request);
    await serveDocument(request, response, context);
  } catch (error) {
    const { status, message } = plainText(error);
    if (response.headersSent) return void response.destroy();
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(message);
  }
}

async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, context: StreamContext): Promise<void> {
  socket.on('error', () => {}); // its end is what whoever uses it sees
  try {
    admit(request);
    if (head.length > 0) socket.unshift(head);
    await serveUpgrade(request, socket, context);
  } catch (error) {
    const { status, message } = plainText(error);
    const body = Buffer.from(message);
    const headers = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close`;
    if (socket.writable)
      socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Refused\r\n${headers}\r\n\r\n`), body]));
  }
}

/** Throws 401 for whom the authority does not vouch, 403 for who is no API server. */
function admit(request: IncomingMessage): void {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) throw new StreamError(401, 'Unauthorized');
  const { subject } = socket.getPeerCertificate();
  if ([subject?.O].flat().includes(MASTERS)) return;
  const who = `user=${subject?.CN}, verb=${request.method?.toLowerCase()}, resource=nodes, subresource=proxy`;
  throw new StreamError(403, `Forbidden (${who})`);
}

function trackSockets(server: Server): Set<Duplex> {
  const sockets = new Set<Duplex>();
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}
