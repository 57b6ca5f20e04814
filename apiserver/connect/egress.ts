// How this server reaches nodes and pods: directly, or through an HTTP CONNECT proxy at a unix socket, where their network is another
// one (upstream: EgressSelectorConfiguration, k8s.io/apiserver v0.36 pkg/server/egressselector).

import { connect, type Socket } from 'node:net';
import { hostPort } from '../../api/ip.ts';

/** Opens a TCP connection. Rejects with DialError. */
export type Dial = (host: string, port: number) => Promise<Socket>;

/** Nobody answers there; the message is worded as Go's. */
export class DialError extends Error {
  constructor(host: string, port: number, reason: string) {
    super(`dial tcp ${hostPort(host, port)}: ${reason}`);
    this.name = 'DialError';
  }
}

/** ms in which a connection must be there (upstream's kubelet client waits as long). */
const LIMIT_MS = 5000;

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'read: connection reset by peer',
};

export const directDial: Dial = (host, port) =>
  opened(connect({ host, port, noDelay: true }), (reason) => new DialError(host, port, reason));

/** Through the proxy at `path`. */
export function dialThrough(path: string): Dial {
  return async (host, port) => {
    const socket = await opened(connect({ path }), (reason) => new DialError(host, port, `proxy ${path}: ${reason}`));
    const place = hostPort(host, port);
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n\r\n`);
    const refused = await proxyAnswer(socket);
    if (refused === undefined) return socket;
    socket.destroy();
    throw new DialError(host, port, refused);
  };
}

function opened(socket: Socket, failure: (reason: string) => DialError): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (code: string): void => {
      socket.destroy();
      reject(failure(REASONS[code] ?? code));
    };
    const timer = setTimeout(() => fail('ETIMEDOUT'), LIMIT_MS);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code ?? error.message);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.on('error', () => {}); // from here on its `close` tells
      resolve(socket);
    });
  });
}

/** The reason of a refusal; undefined when the way is open. What comes after the head stays in the socket. */
function proxyAnswer(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0);
    const settle = (refused: string | undefined): void => {
      clearTimeout(timer);
      socket.off('readable', read).off('close', gone);
      resolve(refused);
    };
    const gone = (): void => settle('EOF');
    const read = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) continue;
        if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
        const [, status, reason] = /^HTTP\/1\.\d (\d+) (.*)/.exec(head.toString('latin1', 0, end)) ?? [];
        settle(status === '200' ? undefined : (REASONS[reason] ?? reason ?? 'malformed answer of the proxy'));
        return;
      }
    };
    const timer = setTimeout(() => settle(REASONS.ETIMEDOUT), LIMIT_MS);
    socket.on('readable', read).on('close', gone);
  });
}
