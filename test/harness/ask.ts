// Requests in plain HTTPS, by whatever credentials a kubeconfig has: for programs that look at answers as they are.
import { request } from 'node:https';
import type { Connection } from '../../client/connection.ts';

export interface Ask {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly body?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** ms until the answer must be whole. */
  readonly patienceMs: number;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Rejects when the connection breaks or the answer is late. */
export function ask(
  { server, ca, token }: Connection,
  { method, path, body, headers, patienceMs }: Ask,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server}${path}`,
      {
        method,
        ca,
        signal: AbortSignal.timeout(patienceMs),
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(chunks).toString() }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
