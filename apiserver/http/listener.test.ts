// The listening side over both protocols: bodies whole, too large and broken off; paths nobody can read; clients that leave.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const FOLDER = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, value = 'v'): string => JSON.stringify({ metadata: { name }, data: { k: value } });

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** How a request is sent, and how one is begun whose body never comes whole. */
interface Wire {
  send(request: Sent): Promise<Answer>;
  /** Opens a watch: resolves when it began; `until` resolves when it has said `text`, `leave` ends it from here. */
  watch(path: string): Promise<{ until(text: string): Promise<void>; leave(): void }>;
  /** Announces 1,000 bytes, sends ten and leaves; resolves when the connection is gone. */
  breakOff(path: string): Promise<void>;
  close(): void;
}

async function untilSaid(source: NodeJS.ReadableStream, text: string): Promise<void> {
  let said = '';
  for (;;) {
    const [chunk] = await once(source, 'data');
    said += chunk;
    if (said.includes(text)) return;
  }
}

async function http1(): Promise<Wire> {
  const { hostname, port } = new URL(server.url);
  const open = async (): Promise<TLSSocket> => {
    const socket = connectTls({ host: hostname, port: Number(port), ca: server.caCert });
    await once(socket, 'secureConnect');
    return socket;
  };
  const head = ({ method, path }: Sent, length: number): string =>
    `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`;
  return {
    async send(request) {
      const socket = await open();
      socket.write(
        `${head(request, Buffer.byteLength(request.body ?? ''))}Connection: close\r\n\r\n${request.body ?? ''}`,
      );
      let text = '';
      for await (const chunk of socket) text += chunk;
      return { status: Number(text.slice(9, 12)), body: text.slice(text.indexOf('\r\n\r\n') + 4) };
    },
    async watch(path) {
      const socket = await open();
      socket.write(`${head({ method: 'GET', path }, 0)}\r\n`);
      await untilSaid(socket, '200 OK');
      return { until: (text) => untilSaid(socket, text), leave: () => socket.destroy() };
    },
    async breakOff(path) {
      const socket = await open();
      socket.write(`${head({ method: 'POST', path }, 1000)}\r\n{"metadata`);
      socket.end();
      socket.resume();
      await once(socket, 'close');
    },
    close: () => {},
  };
}

async function http2(): Promise<Wire> {
  const session: ClientHttp2Session = connectHttp2(server.url, { ca: server.caCert });
  await once(session, 'connect');
  const begin = ({ method, path }: Sent, endStream: boolean) =>
    session.request(
      { ':method': method, ':path': path, authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      { endStream },
    );
  return {
    async send(request) {
      const stream = begin(request, request.body === undefined);
      let status = 0;
      stream.on('response', (headers) => {
        status = headers[':status']!;
      });
      stream.on('error', () => {}); // a refused body is not read to its end
      if (request.body !== undefined) stream.end(request.body);
      let body = '';
      for await (const chunk of stream.setEncoding('utf8')) body += chunk;
      return { status, body };
    },
    async watch(path) {
      const stream = begin({ method: 'GET', path }, true);
      await once(stream, 'response');
      return { until: (text) => untilSaid(stream, text), leave: () => stream.close(8) };
    },
    async breakOff(path) {
      const stream = begin({ method: 'POST', path }, false);
      stream.on('error', () => {});
      stream.write('{"metadata');
      stream.close(8); // CANCEL
      await once(stream, 'close');
    },
    close: () => session.destroy(),
  };
}

describe.each([
  ['http1', http1],
  ['http2', http2],
] as const)('%s', (protocol, connect) => {
  let wire: Wire;
  beforeAll(async () => {
    wire = await connect();
  });
  afterAll(() => wire.close());

  it('serves bodies of any number of pieces', async () => {
    const value = 'x'.repeat(500_000);
    expect(
      (await wire.send({ method: 'POST', path: FOLDER, body: configMap(`${protocol}-large`, value) })).status,
    ).toBe(201);
    const { status, body } = await wire.send({ method: 'GET', path: `${FOLDER}/${protocol}-large` });
    expect(status).toBe(200);
    expect(JSON.parse(body).data.k).toBe(value);
  });

  it('answers HEAD without a body', async () => {
    expect(await wire.send({ method: 'HEAD', path: FOLDER })).toEqual({ status: 200, body: '' });
  });

  it('refuses a body of more than 3 MiB, in upstream’s words', async () => {
    const body = configMap(`${protocol}-huge`, 'x'.repeat(3 * 1024 * 1024));
    const answer = await wire.send({ method: 'POST', path: FOLDER, body });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ reason: 'RequestEntityTooLarge', code: 413 });
    expect((await wire.send({ method: 'GET', path: `${FOLDER}/${protocol}-huge` })).status).toBe(404);
  });

  it('refuses a path whose escapes are malformed', async () => {
    const { status, body } = await wire.send({ method: 'GET', path: '/api/v1/%zz' });
    expect(status).toBe(400);
    expect(body).toContain('malformed path');
  });

  it('streams a watch, and forgets it when the client leaves', async () => {
    const open = async (): Promise<string | undefined> =>
      /longrunning_requests\{verb="WATCH"\} (\d+)/.exec(
        (await wire.send({ method: 'GET', path: '/metrics' })).body,
      )?.[1];
    const watch = await wire.watch(`${FOLDER}?watch=1&resourceVersion=${server.store.revision}`);
    const told = watch.until(`"name":"${protocol}-watched"`);
    await wire.send({ method: 'POST', path: FOLDER, body: configMap(`${protocol}-watched`) });
    await told;
    expect(await open()).toBe('1');
    watch.leave();
    await expect.poll(open).toBe('0');
  });

  it('survives a client that leaves in the middle of a body, and does nothing of it', async () => {
    const before = server.store.revision;
    await wire.breakOff(FOLDER);
    expect((await wire.send({ method: 'GET', path: '/healthz' })).body).toBe('ok');
    expect(server.store.revision).toBe(before);
  });
});

it('tells a watch of a change before whoever made it is answered, on the connection that both share', async () => {
  const session = connectHttp2(server.url, { ca: server.caCert });
  const path = '/api/v1/namespaces/default/secrets';
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  const order: string[] = [];
  const watch = session.request({ ':path': `${path}?watch=true`, ...headers });
  await once(watch, 'response');
  watch.setEncoding('utf8').on('data', (line: string) => order.push(JSON.parse(line).object.metadata.name));
  for (const name of ['a', 'b', 'c']) {
    const post = session.request({ ':method': 'POST', ':path': path, ...headers });
    post.on('response', () => order.push('answer'));
    post.end(JSON.stringify({ metadata: { name } }));
    await once(post.resume(), 'end');
  }
  expect(order).toEqual(['a', 'answer', 'b', 'answer', 'c', 'answer']);
  session.destroy();
});

it('answers in full who asks for another protocol and gets none', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connectTls({ host: hostname, port: Number(port), ca: server.caCert });
  const head = `GET /openapi/v2 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.token}\r\n`;
  socket.write(`${head}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toHaveProperty('definitions');
});
