// The listening side: Fastify over TLS with HTTP/2 and HTTP/1.1, one route for everything, bodies as bytes. What paths mean is
// decided behind it, as upstream does, because resources come and go at run time.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance } from 'fastify';
import { StatusError } from '../../api/status.ts';
import { newExchange } from './pipeline.ts';
import { readRequestInfo } from './request-info.ts';
import { type Services, serve } from './serve.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** A second entrance, with the same TLS. */
  readonly unixSocket?: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting, ends every connection, and resolves when nothing is left. */
  close(): Promise<void>;
}

/** Bytes of a request's body (upstream: MaxRequestBodyBytes). */
const BODY_LIMIT = 3 * 1024 * 1024;
const MAX_STREAMS = 1000;
/** ms an open connection is given to take its last bytes when the server closes. */
const CLOSE_MS = 200;
/** MB a session may hold before Node refuses new streams on it: a thousand watches share one. */
const SESSION_MEMORY_MB = 1024;

/** Throws the system's error when the address cannot be had (EADDRINUSE, EACCES, EADDRNOTAVAIL). */
export async function listen(services: Services, options: ListenOptions): Promise<Listener> {
  const app = fastify({
    http2: true,
    https: {
      allowHTTP1: true,
      key: options.key,
      cert: options.cert,
      settings: { maxConcurrentStreams: MAX_STREAMS },
      maxSessionMemory: SESSION_MEMORY_MB,
      // Node sets it for HTTP/1.1 servers only; without it a watch event waits up to 40 ms for the client's delayed ACK.
      noDelay: true,
    },
    bodyLimit: BODY_LIMIT,
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 10_000 },
    // Our routes have no schemas of Fastify's: its compilers are not even loaded, which halves the time it takes to start.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    frameworkErrors: (_error, request, reply) => {
      // A path whose escapes are malformed: net/http refuses it before any handler.
      reply.hijack();
      reply.raw.writeHead(400, { 'content-type': 'text/plain; charset=utf-8' });
      (reply.raw as unknown as ServerResponse).end(
        `400 Bad Request: malformed path ${JSON.stringify(request.raw.url)}`,
      );
    },
  });
  route(app as unknown as FastifyInstance, services);
  const sockets = trackSockets(app.server as unknown as Server);
  const sessions = trackSessions(app.server);
  await app.listen({ host: options.host, port: options.port });
  const side = options.unixSocket ? await listenUnix(app.server as unknown as Server, options.unixSocket) : undefined;
  const { port } = app.server.address() as { port: number };
  return {
    port,
    async close() {
      side?.close();
      for (const session of sessions) session.close();
      for (const socket of sockets) endSoon(socket);
      await app.close();
    },
  };
}

function noSchemas(): never {
  throw new Error('routes of this server have no schemas');
}

function route(app: FastifyInstance, services: Services): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const handler = async (
    request: { raw: IncomingMessage; body: unknown },
    reply: { hijack(): void; raw: ServerResponse },
  ): Promise<void> => {
    reply.hijack();
    const { raw } = request;
    const exchange = newExchange({
      info: readRequestInfo(raw.method ?? 'GET', raw.url ?? '/'),
      headers: raw.headers,
      body: (request.body as Buffer | undefined) ?? EMPTY,
      response: reply.raw,
    });
    await serve(exchange, services);
  };
  app.all('*', handler as never);
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = statusOf(error);
    void reply
      .code(status.code)
      .header('content-type', 'application/json')
      .serializer(JSON.stringify)
      .send(status.status);
  });
}

const EMPTY = Buffer.alloc(0);

/** What Fastify refuses before any handler of ours: bodies that are too large or break off. */
function statusOf(error: Error & { statusCode?: number }): StatusError {
  if (error.statusCode === 413) return StatusError.requestTooLarge(`Request entity too large: limit is ${BODY_LIMIT}`);
  return error.statusCode && error.statusCode < 500
    ? new StatusError(error.statusCode, 'BadRequest', error.message)
    : StatusError.internal(error.message);
}

function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return sockets;
}

/** An HTTP/2 session closes when its streams have ended. */
function trackSessions(server: Http2SecureServer): Set<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  return sessions;
}

/** What was answered is still sent; a connection that stays open after that is cut. */
function endSoon(socket: Socket): void {
  // An HTTP/2 socket is ended by its session.
  if ((socket as TLSSocket).alpnProtocol !== 'h2') socket.end();
  setTimeout(() => socket.destroy(), CLOSE_MS).unref();
}

/** The lab's gateway comes in here: each connection is handed to the TLS server as if it had come by TCP. */
async function listenUnix(tls: Server, path: string): Promise<Server> {
  const { rm } = await import('node:fs/promises');
  await rm(path, { force: true });
  const server = createServer((socket) => tls.emit('connection', socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}
