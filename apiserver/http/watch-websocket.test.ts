// A watch over a WebSocket, to a client of another make.
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../server.harness.ts';

const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

function open(path: string): WebSocket {
  const headers = { authorization: `Bearer ${server.token}` };
  return new WebSocket(`${server.url.replace('https', 'wss')}${path}`, [], { ca: server.caCert, headers });
}

it('tells each event in a message of its own, and closes at its time', async () => {
  const { body } = await server.ask('POST', CONFIGMAPS, { body: { metadata: { name: 'one' } } });
  const { resourceVersion } = body.metadata;
  const client = open(`${CONFIGMAPS}?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=1`);
  const said: string[] = [];
  client.on('message', (data) => {
    const { type, object } = JSON.parse(data.toString());
    said.push(`${type} ${object.metadata.name}`);
  });
  await once(client, 'open');
  await server.ask('POST', CONFIGMAPS, { body: { metadata: { name: 'two' } } });
  await server.ask('DELETE', `${CONFIGMAPS}/one`);
  await once(client, 'close');
  expect(said).toEqual(['ADDED two', 'DELETED one']);
});

it('refuses what cannot be watched before there is a WebSocket', async () => {
  const client = open(`${CONFIGMAPS}?watch=true&labelSelector=a==b==c`);
  const [error] = (await once(client, 'error')) as [Error];
  expect(error.message).toContain('400');
});

it('refuses what is no handshake', async () => {
  const headers = { connection: 'upgrade', upgrade: 'websocket' };
  expect((await server.ask('GET', `${CONFIGMAPS}?watch=true`, { headers })).status).toBe(400);
});
