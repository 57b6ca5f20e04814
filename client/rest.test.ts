import { afterEach, describe, expect, it } from 'vitest';
import { StatusError } from '../api/status.ts';
import { type Client, ConnectionError } from './client.ts';
import { type Answer, type Fixture, say, startFixture } from './fixture.ts';
import { namespaces, pods } from './resources.ts';
import { RestClient } from './rest.ts';

const fixtures: Fixture[] = [];
const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(fixtures.splice(0).map((fixture) => fixture.close()));
});

async function serve(answer: Answer, timeoutMs?: number): Promise<{ client: RestClient; fixture: Fixture }> {
  const fixture = await startFixture(answer);
  fixtures.push(fixture);
  const client = new RestClient(
    { server: fixture.url, ca: fixture.ca, token: 'secret' },
    { userAgent: 'vitrine-test/1', timeoutMs, clock: { now: Date.now, sleep: async () => {} } },
  );
  clients.push(client);
  return { client, fixture };
}

describe('RestClient', () => {
  it('sends who it is, to the path of the object', async () => {
    const seen: unknown[] = [];
    const { client } = await serve((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization, request.headers['user-agent']]);
      say(response, 200, { metadata: { name: 'a' } });
    });
    await client.get(pods, { namespace: 'ns', name: 'a' });
    await client.get(namespaces, { name: 'ns' });
    expect(seen).toEqual([
      ['GET', '/api/v1/namespaces/ns/pods/a', 'Bearer secret', 'vitrine-test/1'],
      ['GET', '/api/v1/namespaces/ns', 'Bearer secret', 'vitrine-test/1'],
    ]);
  });

  it('names kind and apiVersion in what it writes and in what it lists', async () => {
    const bodies: unknown[] = [];
    const { client } = await serve((request, response, body) => {
      if (body) bodies.push(JSON.parse(body));
      say(response, 200, request.method === 'GET' ? { metadata: {}, items: [{ metadata: { name: 'a' } }] } : {});
    });
    await client.create(pods, { metadata: { name: 'a', namespace: 'ns' } });
    expect(bodies).toEqual([{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'ns' } }]);
    expect((await client.list(pods)).items[0]).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
  });

  it('rebuilds the Status of a refusal', async () => {
    const status = StatusError.notFound({ group: '', plural: 'pods' }, 'a').status;
    const { client } = await serve((_request, response) => say(response, 404, status));
    const failure = await client.get(pods, { namespace: 'ns', name: 'a' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StatusError);
    expect((failure as StatusError).status).toEqual(status);
  });

  it('makes a StatusError of a refusal that is no Status', async () => {
    const { client } = await serve((_request, response) => response.writeHead(502).end('<html>bad gateway</html>'));
    await expect(client.list(pods)).rejects.toMatchObject({ code: 502, message: '<html>bad gateway</html>' });
  });

  it('waits for a busy server', async () => {
    let calls = 0;
    const { client } = await serve((_request, response) => {
      calls += 1;
      if (calls < 3) say(response, 429, { message: 'too many requests' }, { 'retry-after': '1' });
      else say(response, 200, { metadata: {}, items: [] });
    });
    expect((await client.list(pods)).items).toEqual([]);
    expect(calls).toBe(3);
  });

  it('gives a busy server up after a bounded number of attempts', async () => {
    let calls = 0;
    const { client } = await serve((_request, response) => {
      calls += 1;
      say(response, 429, { code: 429, reason: 'TooManyRequests', message: 'busy' }, { 'retry-after': '1' });
    });
    await expect(client.list(pods)).rejects.toMatchObject({ reason: 'TooManyRequests' });
    expect(calls).toBe(6);
  });

  it('sends a GET again on a connection that was closed while idle', async () => {
    let calls = 0;
    const { client, fixture } = await serve((request, response) => {
      calls += 1;
      if (calls === 2) request.socket.destroy();
      else say(response, 200, { metadata: {}, items: [] });
    });
    await client.list(pods);
    await client.list(pods);
    expect(calls).toBe(3);
    fixture.breakConnections();
  });

  it('says ConnectionError when nobody listens, when nothing is answered, and for an untrusted certificate', async () => {
    const { client, fixture } = await serve(() => {}, 50);
    await expect(client.list(pods)).rejects.toThrow(/no answer to GET \/api\/v1\/pods within 50 ms/);
    await expect(client.list(pods)).rejects.toBeInstanceOf(ConnectionError);
    const stranger = new RestClient({ server: fixture.url }, { userAgent: 'x' });
    await expect(stranger.list(pods)).rejects.toThrow(/self-signed|certificate/);
    await fixture.close();
    await expect(client.list(pods)).rejects.toBeInstanceOf(ConnectionError);
  });

  it('refuses a namespaced object without a namespace before asking', () => {
    const client = new RestClient({ server: 'https://127.0.0.1:1' }, { userAgent: 'x' });
    expect(() => client.get(pods, { name: 'a' })).toThrow('Pod a has no namespace');
  });
});

describe('watch', () => {
  const event = (name: string) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;

  async function collect(client: Client, signal: AbortSignal): Promise<string[]> {
    const names: string[] = [];
    for await (const one of client.watch(pods, { resourceVersion: '1', signal })) {
      if (one.type !== 'ERROR') names.push(one.object.metadata.name);
    }
    return names;
  }

  it('yields events however the bytes arrive, until the server ends it', async () => {
    const { client } = await serve((request, response) => {
      expect(request.url).toContain('allowWatchBookmarks=true');
      const bytes = Buffer.from(event('a') + event('é') + event('c'));
      for (let i = 0; i < bytes.length; i += 7) response.write(bytes.subarray(i, i + 7));
      response.end();
    });
    expect(await collect(client, new AbortController().signal)).toEqual(['a', 'é', 'c']);
  });

  it('ends without an error when its signal aborts', async () => {
    const stop = new AbortController();
    const { client } = await serve((_request, response) => {
      response.write(event('a'));
      stop.abort();
    });
    expect(await collect(client, stop.signal)).toEqual(expect.any(Array));
  });

  it('throws ConnectionError when the connection breaks', async () => {
    const { client } = await serve((request, response) => {
      response.write(event('a'), () => request.socket.destroy());
    });
    await expect(collect(client, new AbortController().signal)).rejects.toBeInstanceOf(ConnectionError);
  });

  it('throws StatusError when the server refuses', async () => {
    const { client } = await serve((_request, response) =>
      say(response, 410, StatusError.expired('too old resource version: 1 (5)').status),
    );
    await expect(collect(client, new AbortController().signal)).rejects.toMatchObject({ code: 410, reason: 'Expired' });
  });
});
