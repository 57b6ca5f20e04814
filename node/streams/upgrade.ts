// The requests that become a conversation: exec, attach, portForward, over SPDY/3.1 or WebSocket, as the client asks.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Pod } from '../../api/types/core.v1.ts';
import { netnsPath } from '../../host/netns.ts';
import { podNetnsName } from '../pod-network/pod-network.ts';
import { type CommandStreams, converse, type OpenSession, type StreamOptions } from './command-streams.ts';
import { runningContainer } from './containers.ts';
import {
  forwardOverSpdy,
  forwardOverWebSocket,
  type PortForward,
  SPDY_PORT_FORWARD,
  TUNNELED_PORT_FORWARD,
  WEBSOCKET_PORT_FORWARD_PROTOCOLS,
} from './port-forward.ts';
import { SPDY_COMMAND_PROTOCOLS, spdyCommand } from './spdy/command.ts';
import type { StreamContext } from './stream-context.ts';
import { StreamError } from './stream-error.ts';
import { WEBSOCKET_COMMAND_PROTOCOLS, websocketCommand } from './websocket/command.ts';

/** Serves one upgraded connection to its end. Throws StreamError while it can still be refused. */
export async function serveUpgrade(request: IncomingMessage, socket: Duplex, context: StreamContext): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://node');
  const [place, namespace, podName, ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (place !== 'exec' && place !== 'attach' && place !== 'portForward')
    throw new StreamError(404, '404 page not found\n');
  const pod = context.pods.find(namespace, podName);
  if (!pod) throw new StreamError(404, 'pod does not exist');
  if (place === 'portForward') return servePorts({ request, socket, query: searchParams }, pod, context);
  const options = streamOptions(searchParams);
  // /exec/NAMESPACE/POD/[UID/]CONTAINER
  const open = conversation(place, { pod, container: rest.at(-1) ?? '', options, query: searchParams }, context);
  const streams = await commandStreams(request, socket, options);
  const what = `error ${place === 'exec' ? 'executing command in' : 'attaching to'} container`;
  if (streams) await converse(open, streams, what);
}

/** Throws 400 when nothing is asked for. */
function streamOptions(query: URLSearchParams): StreamOptions {
  const is = (name: string): boolean => query.get(name) === '1';
  const tty = is('tty');
  const options = { tty, stdin: is('input'), stdout: is('output'), stderr: is('error') && !tty };
  if (options.stdin || options.stdout || options.stderr) return options;
  throw new StreamError(400, 'you must specify at least 1 of stdin, stdout, stderr');
}

interface Asked {
  readonly pod: Pod;
  readonly container: string;
  readonly options: StreamOptions;
  readonly query: URLSearchParams;
}

/** ms that a client has to tell the size of its terminal before a command starts in it. */
const FIRST_SIZE_MS = 100;

/** Throws 500 when the container does not run, as the kubelet does. */
function conversation(
  place: 'exec' | 'attach',
  { pod, container, options, query }: Asked,
  { runtime }: StreamContext,
): OpenSession {
  const running = runningContainer(runtime, pod, container);
  const { stdin, tty } = options;
  if (place === 'exec') {
    if (!running) throw new StreamError(500, `container not found (${JSON.stringify(container)})`);
    return async (firstSize) => {
      // Programs ask once, when they start.
      const size = tty ? await Promise.race([firstSize, sleep(FIRST_SIZE_MS, undefined)]) : undefined;
      return runtime.session(running.id, query.getAll('command'), { stdin, tty, size });
    };
  }
  const fullName = `${pod.metadata.name}_${pod.metadata.namespace}`;
  if (!running) throw new StreamError(500, `container ${container} not found in pod ${fullName}`);
  // The terminal was made with the container: whoever attaches takes what is there.
  return () => runtime.attach(running.id);
}

async function commandStreams(
  request: IncomingMessage,
  socket: Duplex,
  options: StreamOptions,
): Promise<CommandStreams | undefined> {
  if (isWebSocket(request)) {
    return acceptWebSocket(request, socket, WEBSOCKET_COMMAND_PROTOCOLS, (client) => websocketCommand(client, options));
  }
  const protocol = acceptSpdy(request, socket, SPDY_COMMAND_PROTOCOLS);
  return spdyCommand(socket, options, protocol);
}

interface Connection {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly query: URLSearchParams;
}

async function servePorts({ request, socket, query }: Connection, pod: Pod, { runtime }: StreamContext): Promise<void> {
  const netns = pod.spec?.hostNetwork ? undefined : netnsPath(podNetnsName(pod.metadata.uid!));
  const target: PortForward = {
    podName: pod.metadata.name,
    podUID: pod.metadata.uid!,
    dial: (port) => runtime.dial(netns, port),
  };
  if (!isWebSocket(request)) {
    acceptSpdy(request, socket, [SPDY_PORT_FORWARD]);
    return forwardOverSpdy(socket, target);
  }
  if (wantedProtocols(request, 'sec-websocket-protocol').includes(TUNNELED_PORT_FORWARD)) {
    return acceptWebSocket(request, socket, [TUNNELED_PORT_FORWARD], (tunnel) =>
      forwardOverSpdy(createWebSocketStream(tunnel), target),
    );
  }
  const ports = query
    .getAll('port')
    .flatMap((value) => value.split(','))
    .map(Number);
  if (ports.length === 0) throw new StreamError(400, 'query parameter "port" is required');
  if (ports.some((port) => !(port > 0 && port <= 0xffff)))
    throw new StreamError(400, `unable to parse "${query.get('port')}" as a port`);
  return acceptWebSocket(request, socket, WEBSOCKET_PORT_FORWARD_PROTOCOLS, (client) =>
    forwardOverWebSocket(client, ports, target),
  );
}

const isWebSocket = (request: IncomingMessage): boolean => request.headers.upgrade?.toLowerCase() === 'websocket';

function wantedProtocols(request: IncomingMessage, header: string): string[] {
  return [request.headers[header] ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((name) => name.trim());
}

/** The first protocol of the client's that we know; one that names none gets what there was before there were names. */
function negotiate(request: IncomingMessage, header: string, known: readonly string[]): string | undefined {
  const wanted = wantedProtocols(request, header);
  return (wanted.length > 0 ? wanted : ['']).find((name) => known.includes(name));
}

/** `use` is called in the moment the WebSocket is there, before anything can have come by it. */
function acceptWebSocket<T>(
  request: IncomingMessage,
  socket: Duplex,
  known: readonly string[],
  use: (client: WebSocket) => T,
): Promise<T> {
  const protocol = negotiate(request, 'sec-websocket-protocol', known);
  if (protocol === undefined) {
    const wanted = wantedProtocols(request, 'sec-websocket-protocol').join(' ');
    throw new StreamError(403, `requested protocol(s) are not supported: [${wanted}]; supports [${known.join(' ')}]`);
  }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: () => protocol || false,
  });
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new StreamError(400, 'the connection ended before it was a WebSocket')));
    server.handleUpgrade(request, socket, Buffer.alloc(0), (client) => resolve(use(client)));
  });
}

/** Answers 101. Throws 400 for another protocol than SPDY/3.1, 403 when no sub-protocol is known to both. */
function acceptSpdy(request: IncomingMessage, socket: Duplex, known: readonly string[]): string {
  if (request.headers.upgrade?.toLowerCase() !== 'spdy/3.1') {
    throw new StreamError(400, 'unable to upgrade: missing upgrade headers in request');
  }
  const protocol = negotiate(request, 'x-stream-protocol-version', [...known, '']);
  if (protocol === undefined) {
    const wanted = wantedProtocols(request, 'x-stream-protocol-version').join(' ');
    const why = `client supports [${wanted}], server accepts [${known.join(' ')}]`;
    throw new StreamError(403, `unable to upgrade: unable to negotiate protocol: ${why}`);
  }
  const named = protocol ? `X-Stream-Protocol-Version: ${protocol}\r\n` : '';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${named}\r\n`);
  return protocol;
}
