// The listening side: TLS with HTTP/2 and HTTP/1.1 on one port, by Fastify with one route for everything. What paths mean is decided
// behind it, as upstream does, because resources come and go at run time. HTTP/2 streams are taken below Fastify: it sees them
// only through Node's imitation of HTTP/1.1's objects, which costs as much as all else of a small request.
import { rm } from 'node:fs/promises';
import { type Server as HttpServer, type IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance } from 'fastify';
import { StatusError } from '../../api/status.ts';
import { Peers } from './peers.ts';
import { Exchange, type Received } from './pipeline.ts';
import { Http1Reply, Http2Reply, type Reply } from './reply.ts';
import { BODY_LIMIT, readBytes } from './request-body.ts';
import { type RequestInfo, readRequestInfo } from './request-info.ts';
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
  /** PEM: who vouches for clients' certificates. */
  readonly clientCA: string;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting, ends every connection, and resolves when nothing is left. */
  close(): Promise<void>;
}

const MAX_STREAMS = 1000;
/** ms an open connection is given to take its last bytes when the server closes. */
const CLOSE_MS = 200;
/** ms an HTTP/1.1 connection may be idle (upstream: IdleTimeout). */
const IDLE_MS = 90_000;
/** MB a session may hold before Node refuses new streams on it: a thousand watches share one. */
const SESSION_MEMORY_MB = 1024;

/** What the functions here work with. */
type Entrance = Services & { readonly peers: Peers };

/** Throws the system's error when the address cannot be had (EADDRINUSE, EACCES, EADDRNOTAVAIL). */
export async function listen(behind: Services, options: ListenOptions): Promise<Listener> {
  const services: Entrance = { ...behind, peers: new Peers() };
  const app = fastify({
    serverFactory: (handler) => secureServer(handler as never, services, options) as unknown as HttpServer,
    bodyLimit: BODY_LIMIT,
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 10_000 },
    // Our routes have no schemas of Fastify's: its compilers are not even loaded.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    frameworkErrors: (_error, { raw }, reply) => {
      reply.hijack();
      serveReceived(services, received(services, raw, reply.raw, EMPTY));
    },
  });
  route(app, services);
  const server = app.server as unknown as Http2SecureServer;
  const sockets = trackSockets(server);
  const sessions = trackSessions(server);
  await app.listen({ host: options.host, port: options.port });
  const side = options.unixSocket ? await listenUnix(server, options.unixSocket) : undefined;
  return {
    port: (server.address() as AddressInfo).port,
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

/** `handler` is Fastify's, for HTTP/1.1. */
function secureServer(
  handler: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
  services: Entrance,
  { key, cert, clientCA }: ListenOptions,
): Http2SecureServer {
  const settings = {
    allowHTTP1: true,
    key,
    cert,
    // A certificate is asked for and need not be shown; what is shown is judged by authentication.
    ca: clientCA,
    requestCert: true,
    rejectUnauthorized: false,
    settings: { maxConcurrentStreams: MAX_STREAMS },
    maxSessionMemory: SESSION_MEMORY_MB,
    // Node sets it for HTTP/1.1 servers only; without it a watch event waits up to 40 ms for the client's delayed ACK.
    noDelay: true,
  };
  const server = createSecureServer(settings as Parameters<typeof createSecureServer>[0], handler);
  Object.assign(server, { keepAliveTimeout: IDLE_MS });
  server.removeAllListeners('stream'); // with which Node would make requests of streams
  server.on('stream', (stream: ServerHttp2Stream, headers, flags) => serveStream(stream, headers, flags, services));
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
    serveUpgrade(request, socket, head, services),
  );
  return server;
}

function route(app: FastifyInstance, services: Entrance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.all('*', (request, reply) => {
    reply.hijack();
    serveReceived(services, received(services, request.raw, reply.raw, (request.body as Buffer | undefined) ?? EMPTY));
  });
  // What is refused before any route: a body that is too large, or that the client broke off.
  app.setErrorHandler((_error, { raw }, reply) => {
    reply.hijack();
    refuseBody(new Http1Reply(raw, reply.raw));
  });
}

/** By HTTP/1.1. Every field is named here: what is gathered by spreading costs a tenth of a small request. */
function received(
  { peers }: Entrance,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  upgrade?: Received['upgrade'],
): Received {
  const { method = 'GET', url = '/', headers, socket } = request;
  const reply = new Http1Reply(request, response);
  return { method, url, headers, body, reply, upgrade, peer: peers.of(socket, socket) };
}

/** Resolves when `server` listens, as `begin` tells it to. Throws the system's error. */
function listening(server: Server, begin: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    begin();
  });
}

function serveStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, services: Entrance): void {
  stream.on('error', () => {}); // the client broke off: whoever answers sees the stream closed
  const method = headers[':method'] ?? 'GET';
  const url = headers[':path'] ?? '/';
  const reply = new Http2Reply(stream);
  const { session } = stream;
  const peer = session && services.peers.of(session, session.socket);
  const begin = (body: Buffer): void => serveReceived(services, { method, url, headers, reply, body, peer });
  if (flags & END_STREAM || method === 'GET' || method === 'HEAD') begin(EMPTY);
  else readBytes(stream, headers['content-length'], { done: begin, tooLarge: () => refuseBody(reply) });
}

/** The flag of a HEADERS frame that no body follows (RFC 9113, 6.2). */
const END_STREAM = 1;

const EMPTY = Buffer.alloc(0);

function serveReceived(services: Entrance, request: Received): void {
  const { method, url, reply } = request;
  let info: RequestInfo;
  try {
    info = readRequestInfo(method, url);
  } catch {
    // Its escapes are malformed: net/http refuses it before any handler.
    const body = Buffer.from(`400 Bad Request: malformed path ${JSON.stringify(url)}`);
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': body.length };
    reply.send(400, headers, body);
    return;
  }
  void serve(new Exchange(request, info), services);
}

/** Refused before anybody asked who it is from; the connection ends, since the rest of the body is not read. */
function refuseBody(reply: Reply): void {
  const { status } = StatusError.requestTooLarge(`Request entity too large: limit is ${BODY_LIMIT}`);
  const body = Buffer.from(JSON.stringify(status));
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    ...(reply instanceof Http1Reply && { connection: 'close' }),
  };
  reply.send(status.code!, headers, body);
}

/** A request that wants the connection itself; HTTP/1.1 only. Who is refused gets an ordinary answer. */
function serveUpgrade(request: IncomingMessage, socket: Socket, head: Buffer, services: Entrance): void {
  socket.on('error', () => {}); // its end is what whoever uses it sees
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => socket.end());
  socket.on('drain', () => response.emit('drain')); // as Node does where nobody wants the connection
  if (head.length > 0) socket.unshift(head);
  serveReceived(services, received(services, request, response, EMPTY, { socket }));
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
  await rm(path, { force: true });
  const server = createServer((socket) => tls.emit('connection', socket));
  await listening(server, () => server.listen(path));
  return server;
}
