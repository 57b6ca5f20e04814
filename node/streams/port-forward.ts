// Connections to ports of a pod for a client far away: over SPDY (two streams per connection, named by headers) or over WebSocket
// channels (two per port) (kubernetes v1.36 staging/src/k8s.io/cri-streaming, portforward/).
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import type { PodConnection } from '../runtime.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';
import { Channels } from './websocket/channels.ts';

export const SPDY_PORT_FORWARD = 'portforward.k8s.io';
/** SPDY inside a WebSocket's binary messages. */
export const TUNNELED_PORT_FORWARD = `SPDY/3.1+${SPDY_PORT_FORWARD}`;
export const WEBSOCKET_PORT_FORWARD_PROTOCOLS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''];

/** ms within which a stream's partner must have come (upstream: DefaultStreamCreationTimeout). */
const PAIR_MS = 30_000;

export interface PortForward {
  /** As messages name it. */
  readonly podName: string;
  readonly podUID: string;
  dial(port: number): Promise<PodConnection>;
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  timer: NodeJS.Timeout;
}

/** Serves a SPDY connection until it ends. */
export async function forwardOverSpdy(socket: Duplex, target: PortForward): Promise<void> {
  const pairs = new Map<string, Pair>();
  const open = new Set<Promise<void>>();
  const session = new SpdySession(socket, (stream) => {
    const type = stream.headers.get('streamtype');
    if (type !== 'data' && type !== 'error') return void stream.destroy();
    const key = stream.headers.get('requestid') ?? '';
    const pair = pairs.get(key) ?? { timer: setTimeout(() => abandon(key), PAIR_MS) };
    pairs.set(key, pair);
    pair[type] = stream;
    if (!pair.data || !pair.error) return;
    clearTimeout(pair.timer);
    pairs.delete(key);
    const { data, error } = pair;
    const done = forward(target, Number(data.headers.get('port')), { data, error }).finally(() => open.delete(done));
    open.add(done);
  });
  const abandon = (key: string): void => {
    const pair = pairs.get(key);
    pairs.delete(key);
    pair?.data?.destroy();
    pair?.error?.destroy();
  };
  await session.run();
  for (const { timer } of pairs.values()) clearTimeout(timer);
  await Promise.all(open);
}

/** Serves a WebSocket with two channels for each of `ports` until it ends. */
export async function forwardOverWebSocket(
  socket: WebSocket,
  ports: readonly number[],
  target: PortForward,
): Promise<void> {
  const channels = new Channels(socket, ports.length * 2);
  const forwards = ports.map((port, index) => {
    const [data, error] = [channels.get(index * 2), channels.get(index * 2 + 1)];
    const named = Buffer.from([port & 0xff, port >> 8]);
    data.write(named);
    error.write(named);
    return forward(target, port, { data, error });
  });
  await Promise.all(forwards);
  await channels.close();
}

/** One connection, from its streams to its end. What went wrong is told on the error stream. */
async function forward(
  target: PortForward,
  port: number,
  { data, error }: { data: Duplex; error: Writable },
): Promise<void> {
  (error as Duplex).resume();
  let connection: PodConnection;
  try {
    if (!(Number.isInteger(port) && port > 0 && port <= 0xffff)) throw new Error(`port ${port} is out of range`);
    connection = await target.dial(port);
  } catch (problem) {
    const { podName, podUID } = target;
    const why = `failed to execute portforward in network namespace: failed to connect to localhost:${port} inside namespace, ${(problem as Error).message}`;
    error.end(`error forwarding port ${port} to pod ${podName}, uid ${podUID}: ${why}`);
    data.end();
    data.resume();
    return;
  }
  const gone = (): void => connection.close();
  data.once('close', gone);
  await Promise.all([copy(data, connection.input), copy(connection.output, data)]);
  data.off('close', gone);
  connection.close();
  error.end();
}

/** An end that broke is no error here: the other direction notices too. */
async function copy(from: Readable, to: Writable): Promise<void> {
  await pipeline(from, to).catch(() => {});
}
