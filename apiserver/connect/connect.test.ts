import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';
import { chosenContainer } from './containers.ts';
import { dialThrough, directDial } from './egress.ts';
import { readEgressSelector } from './egress-selector.ts';
import { joined } from './tunnel.ts';

let folder: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitrine-connect-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

async function listening(server: Server, at: string | number): Promise<number> {
  servers.push(server);
  await once(server.listen(at), 'listening');
  return (server.address() as AddressInfo).port;
}

describe('the way to nodes', () => {
  it('is direct, and tells in Go’s words when nobody is there', async () => {
    const port = await listening(
      createServer((socket) => socket.end('hello')),
      0,
    );
    expect(await text(await directDial('127.0.0.1', port))).toBe('hello');
    servers.pop()!.close();
    await expect(directDial('127.0.0.1', port)).rejects.toThrow(
      `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
  });

  it('leads through a proxy where a file says so', async () => {
    const path = join(folder, 'proxy.sock');
    const asked: string[] = [];
    const proxy = createServer((socket) => {
      socket.once('data', (head: Buffer) => {
        asked.push(head.toString());
        const isThere = head.includes('192.168.1.10:10250');
        socket.end(isThere ? 'HTTP/1.1 200 OK\r\n\r\nfrom the node' : 'HTTP/1.1 502 EHOSTUNREACH\r\n\r\n');
      });
    });
    await listening(proxy, path);
    const file = join(folder, 'egress.yaml');
    const selection = `- {name: cluster, connection: {proxyProtocol: HTTPConnect, transport: {uds: {udsName: ${path}}}}}`;
    writeFileSync(
      file,
      `apiVersion: apiserver.k8s.io/v1beta1\nkind: EgressSelectorConfiguration\negressSelections:\n${selection}\n`,
    );
    const dial = await readEgressSelector(file);
    expect(await text(await dial('192.168.1.10', 10250))).toBe('from the node');
    expect(asked[0]).toMatch(/^CONNECT 192\.168\.1\.10:10250 HTTP\/1\.1\r\n/);
    await expect(dial('192.168.1.11', 10250)).rejects.toThrow('dial tcp 192.168.1.11:10250: connect: no route to host');
    await expect(dialThrough(join(folder, 'none'))('10.0.0.1', 1)).rejects.toThrow('dial tcp 10.0.0.1:1: proxy');
  });

  it('is refused where a file asks for what there is not', async () => {
    const file = join(folder, 'egress.json');
    const selection = { name: 'cluster', connection: { proxyProtocol: 'GRPC' } };
    const head = { apiVersion: 'apiserver.k8s.io/v1beta1', kind: 'EgressSelectorConfiguration' };
    writeFileSync(file, JSON.stringify({ ...head, egressSelections: [selection] }));
    await expect(readEgressSelector(file)).rejects.toThrow('proxyProtocol');
  });
});

describe('two joined connections', () => {
  const never = new AbortController().signal;

  it('pass everything on, to the last byte after one side has finished', async () => {
    const [client, near] = duplexPair();
    const [far, backend] = duplexPair();
    const over = joined(near, far, never);
    backend.on('data', (chunk: Buffer) => backend.write(chunk)).on('end', () => backend.end('the end'));
    const sent = Buffer.alloc(3_000_000, 'x');
    client.end(sent);
    expect((await buffer(client)).length).toBe(sent.length + 'the end'.length);
    await over;
  });

  it('end together when one breaks, or when they are told to', async () => {
    const [, near] = duplexPair();
    const [far] = duplexPair();
    const broken = joined(near, far, never);
    near.destroy(new Error('reset'));
    await broken;
    const stop = new AbortController();
    const [, one] = duplexPair();
    const [other] = duplexPair();
    const stopped = joined(one, other, stop.signal);
    stop.abort();
    await stopped;
    expect([far.destroyed, one.destroyed, other.destroyed]).toEqual([true, true, true]);
  });
});

it('a container is chosen as upstream does', () => {
  const pod = (...names: string[]) => ({
    metadata: { name: 'web' },
    spec: { containers: names.map((name) => ({ name })) },
  });
  expect(chosenContainer(pod('a'), '')).toBe('a');
  expect(chosenContainer(pod('a', 'b'), 'b')).toBe('b');
  expect(() => chosenContainer(pod('a', 'b'), '')).toThrow(
    'a container name must be specified for pod web, choose one of: [a b]',
  );
  expect(() => chosenContainer(pod('a'), 'c')).toThrow('container c is not valid for pod web');
});

describe('a server without nodes', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer();
    const spec = { containers: [{ name: 'c', image: 'echo' }] };
    await server.ask('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
    await server.ask('POST', '/api/v1/namespaces/default/pods', { body: { metadata: { name: 'waiting' }, spec } });
    await server.ask('POST', '/api/v1/namespaces/default/pods', {
      body: { metadata: { name: 'bound' }, spec: { ...spec, nodeName: 'gone' } },
    });
    await server.ask('POST', '/api/v1/nodes', {
      body: { metadata: { name: 'here' }, status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] } },
    });
    const ports = [{ name: 'http', port: 80 }];
    await server.ask('POST', '/api/v1/namespaces/default/services', {
      body: { metadata: { name: 'web' }, spec: { ports } },
    });
  });
  afterEach(() => server.close());

  // biome-ignore format: a table of requests
  it.each([
    ['GET', 'pods/waiting/log', 200, ''],
    ['GET', 'pods/waiting/log?container=d', 400, 'container d is not valid for pod waiting'],
    ['GET', 'pods/waiting/log?tailLines=-1', 422, 'PodLogOptions "waiting" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['GET', 'pods/bound/log', 404, 'nodes "gone" not found'],
    ['GET', 'pods/none/log', 404, 'pods "none" not found'],
    ['POST', 'pods/waiting/log', 405, 'the server does not allow this method on the requested resource'],
    ['POST', 'pods/waiting/exec?command=ls&stdout=true', 400, 'pod waiting does not have a host assigned'],
    ['GET', 'pods/waiting/portforward', 400, 'pod waiting does not have a host assigned'],
    ['GET', 'pods/waiting/proxy/', 400, 'address not allowed'],
    ['OPTIONS', 'pods/waiting/proxy/', 400, 'address not allowed'],
    ['OPTIONS', 'pods/waiting/exec', 405, 'the server does not allow this method on the requested resource'],
    ['GET', 'services/web:81/proxy/', 503, 'no service port 81 found for service "web"'],
    ['GET', 'services/web:http/proxy/', 404, 'services "web" not found'],
    ['GET', '../../nodes/here/proxy/', 400, 'address not allowed'],
    ['GET', '../../nodes/here:9999/proxy/', 400, 'address not allowed'],
    ['GET', 'services/a:b:c:d/proxy/', 400, 'invalid service request "a:b:c:d"'],
  ])('%s %s is %i', async (method, path, status, message) => {
    const reply = await server.ask(method, join('/api/v1/namespaces/default', path));
    expect([reply.status, reply.body.message ?? reply.body]).toEqual([status, message]);
  });
});
