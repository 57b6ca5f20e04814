import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await server.ask('POST', MAPS, { body: { metadata: { name } } });
});
afterAll(() => server.close());

const namesOf = (body: { items: { metadata: { name: string } }[] }): string =>
  body.items.map(({ metadata }) => metadata.name).join('');

describe('a list in pages', () => {
  it('whose revision is forgotten may go on without its consistency', async () => {
    const first = await server.ask('GET', `${MAPS}?limit=2`);
    await server.ask('POST', MAPS, { body: { metadata: { name: 'f' } } });
    await server.store.compact(server.store.revision);
    const old = await server.ask('GET', `${MAPS}?limit=2&continue=${first.body.metadata.continue}`);
    expect([old.status, old.body.reason]).toEqual([410, 'Expired']);
    expect(old.body.message).toMatch(/^The provided continue parameter is too old to display a consistent list result/);
    const next = await server.ask('GET', `${MAPS}?limit=2&continue=${old.body.metadata.continue}`);
    expect(namesOf(next.body)).toBe('cd');
    expect(next.body.metadata.resourceVersion).toBe(String(server.store.revision));
    const last = await server.ask('GET', `${MAPS}?limit=2&continue=${next.body.metadata.continue}`);
    expect([namesOf(last.body), last.body.metadata.continue]).toEqual(['ef', undefined]);
  });

  it('is whole for whoever takes any version', async () => {
    const { body } = await server.ask('GET', `${MAPS}?limit=2&resourceVersion=0`);
    expect([namesOf(body), body.metadata.continue]).toEqual(['abcdef', undefined]);
  });

  it('of more than an int64 is refused', async () => {
    const { status, body } = await server.ask('GET', `${MAPS}?limit=9223372036854775808`);
    expect([status, body.message]).toEqual([
      400,
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ]);
  });
});

const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

it.each([
  ['!!', 'illegal base64 data at input byte 0'],
  [Buffer.from([0x81]).toString('base64url'), "invalid character '\\u0081' looking for beginning of value"],
  [token([]), 'json: cannot unmarshal array into Go value of type storage.continueToken'],
  [token({ v: 'x' }), 'server does not recognize this encoded version x'],
  [
    token({ v: 'meta.k8s.io/v1', rv: '1' }),
    'json: cannot unmarshal string into Go struct field continueToken.rv of type int64',
  ],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '../a' }), '../a'],
])('%s is no token to continue by', async (bad, why) => {
  const { status, body } = await server.ask('GET', `${MAPS}?limit=1&continue=${bad}`);
  expect([status, body.message]).toEqual([400, `invalid continue token: continue key is not valid: ${why}`]);
});

describe('a watch', () => {
  it('whose initial state is of the future says so in an event', async () => {
    const version = server.store.revision + 1000;
    const query = `sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${version}`;
    const watch = await server.watch(`${MAPS}?watch=1&allowWatchBookmarks=true&${query}`);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 504, reason: 'Timeout' } });
    watch.stop();
  });

  it('from the future is told nothing of what comes before', async () => {
    const path = `${MAPS}?watch=1&resourceVersion=${server.store.revision + 1}`;
    const watch = await server.watch(path);
    await server.ask('POST', MAPS, { body: { metadata: { name: 'g' } } });
    await server.ask('POST', MAPS, { body: { metadata: { name: 'h' } } });
    expect((await watch.next())?.object.metadata.name).toBe('h');
    watch.stop();
  });

  it('by its old path is one of the object that it names', async () => {
    const watch = await server.watch('/api/v1/watch/namespaces/default/configmaps/b?resourceVersion=0');
    expect((await watch.next())?.object.metadata.name).toBe('b');
    await server.ask('DELETE', `${MAPS}/b`);
    expect((await watch.next())?.type).toBe('DELETED');
    watch.stop();
  });
});

it('a deletion whose body says nothing of a dry run is none', async () => {
  await server.ask('DELETE', `${MAPS}/c?dryRun=All`, { body: { gracePeriodSeconds: 0 } });
  expect((await server.ask('GET', `${MAPS}/c`)).status).toBe(404);
  await server.ask('DELETE', `${MAPS}/d?dryRun=All`);
  expect((await server.ask('GET', `${MAPS}/d`)).status).toBe(200);
});

it('an object that is replaced must say its name', async () => {
  const { status, body } = await server.ask('PUT', `${MAPS}/a`, { body: { data: {} } });
  expect([status, body.message]).toEqual([
    400,
    'the name of the object (a based on URL) was undeterminable: name must be provided',
  ]);
});
