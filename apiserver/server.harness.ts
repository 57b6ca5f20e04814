// For tests: an API server in this process on memory, and requests to it with real HTTPS.
import { request } from 'node:https';
import type { Pair } from './certificate-issuer.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';
import { MemoryStore } from './storage/memory.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface Ask {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headers?: Record<string, string>;
  /** Absent: the administrator's. Empty: none. */
  readonly token?: string;
  /** A client certificate to show. */
  readonly client?: Pair;
}

export interface TestServer extends ApiServer {
  ask(method: string, path: string, options?: Ask): Promise<Reply>;
  /** Opens a watch; `next` resolves with its events one by one, undefined when the server ends it. */
  watch(path: string): Promise<{ next(): Promise<{ type: string; object: Reply['body'] } | undefined>; stop(): void }>;
  readonly store: MemoryStore;
}

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const store = (options.store as MemoryStore | undefined) ?? new MemoryStore();
  const server = await startApiServer({ ...options, store });
  const open = (method: string, path: string, { body, contentType, headers, token, client }: Ask = {}) =>
    new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const bearer = token ?? server.token;
      const sent = request(
        `${server.url}${path}`,
        {
          method,
          ca: server.caCert,
          ...client,
          headers: {
            ...(bearer && { authorization: `Bearer ${bearer}` }),
            ...(text !== undefined && {
              'content-type': contentType ?? 'application/json',
              'content-length': Buffer.byteLength(text),
            }),
            ...headers,
          },
        },
        resolve,
      );
      sent.on('error', reject);
      sent.end(text);
    });
  return {
    ...server,
    store,
    async ask(method, path, ask) {
      const response = await open(method, path, ask);
      let text = '';
      for await (const chunk of response) text += chunk;
      const isJson = text !== '' && response.headers['content-type'] === 'application/json';
      return { status: response.statusCode!, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
    async watch(path) {
      const response = await open('GET', path);
      const lines = readLines(response);
      return {
        async next() {
          const { value, done } = await lines.next();
          return done ? undefined : JSON.parse(value);
        },
        stop: () => response.destroy(),
      };
    },
  };
}

async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
}
