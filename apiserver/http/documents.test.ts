// What clients keep of documents, and ask for again.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

it.each([
  ['/apis', AGGREGATED],
  ['/openapi/v2', '*/*'],
  ['/openapi/v3/api/v1', 'application/json'],
])('%s is not sent again to who has it', async (path, accept) => {
  const { status, headers } = await server.ask('GET', path, { headers: { accept } });
  expect([status, headers.vary]).toEqual([200, 'Accept']);
  const again = await server.ask('GET', path, { headers: { accept, 'if-none-match': `"other", ${headers.etag}` } });
  expect([again.status, again.headers.etag, again.body]).toEqual([304, headers.etag, '']);
});

it('a document of OpenAPI v3 is kept for good by its hash, and another hash leads to it', async () => {
  const { body: index } = await server.ask('GET', '/openapi/v3');
  const where = JSON.parse(index).paths['apis/apps/v1'].serverRelativeURL;
  const kept = await server.ask('GET', where);
  expect([kept.status, kept.headers['cache-control']]).toEqual([200, 'public, immutable']);
  expect(where).toBe(`/openapi/v3/apis/apps/v1?hash=${String(kept.headers.etag).replaceAll('"', '')}`);
  const moved = await server.ask('GET', '/openapi/v3/apis/apps/v1?hash=OTHER');
  expect([moved.status, moved.headers.location]).toEqual([301, where]);
});

it.each([
  ['/openid/v1/jwks', 'application/jwk-set+json'],
  ['/.well-known/openid-configuration', 'application/json'],
])('%s is for anybody who takes its type', async (path, type) => {
  for (const accept of [type, '*/*', `text/html, ${type};q=0.5`]) {
    const { status, headers } = await server.ask('GET', path, { headers: { accept } });
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, type, 'public, max-age=3600']);
  }
  const { status, body } = await server.ask('GET', path, { headers: { accept: 'text/html' } });
  expect([status, body.message]).toEqual([406, `406: Not Acceptable\n\nAvailable representations: ${type}`]);
});
