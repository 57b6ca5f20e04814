// Who gets in: client certificates, given serving certificates, tokens and what they are bound to, anonymous requests.
import { createPublicKey, verify } from 'node:crypto';
import { connect } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue, makeAuthority, type Pair } from './certificate-issuer.ts';
import { type Ask, startTestServer, type TestServer } from './server.harness.ts';

const REVIEWS = '/apis/authentication.k8s.io/v1';
const NAMESPACE = '/api/v1/namespaces/default';
const ca = makeAuthority();
const client = (commonName: string, organization?: string, usage: 'clientAuth' | 'serverAuth' = 'clientAuth'): Pair =>
  issue(ca, { commonName, organization, usage, names: [] });

let server: TestServer;
let now = Date.parse('2026-05-01T00:00:00Z');
beforeAll(async () => {
  const clock = { now: () => now, sleep: (_ms: number, signal?: AbortSignal) => aborted(signal!) };
  server = await startTestServer({
    clientCA: ca.cert,
    clock,
    tokens: new Map([['admin', { name: 'root', groups: ['system:masters'] }]]),
  });
});
afterAll(() => server.close());

/** The clock of these tests stands still until they move it. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

const whoAmI = async (ask: Ask) => {
  const { status, body } = await server.ask('POST', `${REVIEWS}/selfsubjectreviews`, { body: {}, ...ask });
  return status === 201 ? body.status.userInfo : `${status} ${body.reason}`;
};
const review = async (token: string, audiences?: string[]) =>
  (await server.ask('POST', `${REVIEWS}/tokenreviews`, { body: { spec: { token, audiences } } })).body.status;

describe('a client certificate', () => {
  it('is its common name and organizations', async () => {
    expect(await whoAmI({ token: '', client: client('ann', 'devs') })).toEqual({
      username: 'ann',
      groups: ['devs', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/)] },
    });
  });

  it('counts over HTTP/2 too, on every request of the connection', async () => {
    const session = connect(server.url, { ca: server.caCert, ...client('ann') });
    const statusOf = (path: string) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path });
        stream
          .on('response', (headers) => resolve(headers[':status']))
          .on('error', reject)
          .resume();
      });
    expect([await statusOf('/api/v1/nodes'), await statusOf(`${NAMESPACE}/pods`)]).toEqual([200, 200]);
    session.close();
  });

  it('of another authority, or for servers, is refused, but a token beside it counts', async () => {
    const foreign = issue(makeAuthority(), { commonName: 'ann', usage: 'clientAuth', names: [] });
    expect(await whoAmI({ token: '', client: foreign })).toBe('401 Unauthorized');
    expect(await whoAmI({ token: '', client: client('ann', 'devs', 'serverAuth') })).toBe('401 Unauthorized');
    expect(await whoAmI({ client: foreign })).toMatchObject({ username: 'root' });
  });
});

describe('a request without credentials', () => {
  it('sees what anybody may, unless nobody may', async () => {
    const closed = await startTestServer({ anonymousAuth: false });
    const statuses = async (one: TestServer) =>
      Promise.all(
        ['/version', '/readyz', '/api/v1/nodes'].map(
          async (path) => (await one.ask('GET', path, { token: '' })).status,
        ),
      );
    expect(await statuses(server)).toEqual([200, 200, 403]);
    expect(await statuses(closed)).toEqual([401, 401, 401]);
    await closed.close();
  });
});

describe('a serving certificate that is given', () => {
  it('is the one that clients see', async () => {
    const serving = issue(ca, { commonName: 'api', usage: 'serverAuth', names: ['127.0.0.1'] });
    const given = await startTestServer({ serving: { ...serving, cert: serving.cert + ca.cert } });
    expect((await given.ask('GET', '/version')).status).toBe(200);
    await given.close();
  });
});

describe('a service account token', () => {
  const request = async (spec: object = {}) =>
    server.ask('POST', `${NAMESPACE}/serviceaccounts/bot/token`, { body: { spec } });
  const tokenFor = async (boundObjectRef: object): Promise<string> =>
    (await request({ boundObjectRef })).body.status.token;
  const create = (plural: string, object: object) => server.ask('POST', `${NAMESPACE}/${plural}`, { body: object });
  const pod = (name: string, serviceAccountName = 'bot') =>
    create('pods', {
      metadata: { name },
      spec: { serviceAccountName, nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    });

  beforeAll(async () => {
    for (const name of ['bot', 'other']) await create('serviceaccounts', { metadata: { name } });
    await server.ask('POST', '/api/v1/nodes', { body: { metadata: { name: 'n' } } });
  });

  it('ends with its pod, which it names with its node', async () => {
    const { uid } = (await pod('p')).body.metadata;
    const token = await tokenFor({ apiVersion: 'v1', kind: 'Pod', name: 'p', uid });
    const { extra } = await whoAmI({ token });
    expect(extra).toMatchObject({
      'authentication.kubernetes.io/pod-uid': [uid],
      'authentication.kubernetes.io/node-name': ['n'],
      'authentication.kubernetes.io/node-uid': [expect.any(String)],
    });
    await server.ask('DELETE', `${NAMESPACE}/pods/p?gracePeriodSeconds=0`);
    await pod('p');
    expect(await whoAmI({ token })).toBe('401 Unauthorized');
    expect((await review(token)).error).toMatch(
      /^\[invalid bearer token, pod UID \(.*\) does not match service account pod ref claim/,
    );
  });

  it('ends a minute after its pod began to end', async () => {
    await pod('slow');
    const token = await tokenFor({ apiVersion: 'v1', kind: 'Pod', name: 'slow' });
    await server.ask('DELETE', `${NAMESPACE}/pods/slow?gracePeriodSeconds=30`);
    now += 30_000;
    expect((await review(token)).authenticated).toBe(true);
    now += 61_000;
    expect((await review(token)).error).toBe('[invalid bearer token, service account token has been invalidated]');
  });

  it.each(['Secret', 'Node'])('ends with its %s', async (kind) => {
    const path = kind === 'Node' ? '/api/v1/nodes' : `${NAMESPACE}/secrets`;
    await server.ask('POST', path, { body: { metadata: { name: 'bound' } } });
    const token = await tokenFor({ apiVersion: 'v1', kind, name: 'bound' });
    expect((await review(token)).user.username).toBe('system:serviceaccount:default:bot');
    await server.ask('DELETE', `${path}/bound`);
    expect((await review(token)).error).toContain('service account token has been invalidated');
  });

  it('of a pod’s own volume lives on for a year, for programs that read it once', async () => {
    await pod('long');
    const bound = { apiVersion: 'v1', kind: 'Pod', name: 'long' };
    const { body } = await request({ boundObjectRef: bound, expirationSeconds: 3607 });
    expect(Date.parse(body.status.expirationTimestamp)).toBe(now + 3607_000);
    now += 2 * 3600_000;
    expect((await review(body.status.token)).authenticated).toBe(true);
  });

  it.each([
    [
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      400,
      'cannot bind token for serviceaccount "bot" to type apps/v1, Kind=Deployment',
    ],
    [{ apiVersion: 'v1', kind: 'Pod', name: 'none' }, 404, 'pods "none" not found'],
    [{ apiVersion: 'v1', kind: 'Pod', name: 'others' }, 400, 'to pod running with different serviceaccount name.'],
    [
      { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'x' },
      409,
      'Operation cannot be fulfilled on Node "n": the UID in the bound object reference (x)',
    ],
  ])('is not bound to %j', async (boundObjectRef, status, message) => {
    await pod('others', 'other');
    expect((await request({ boundObjectRef })).body).toMatchObject({
      code: status,
      message: expect.stringContaining(message),
    });
  });

  it('is for whom it names, and tells nobody else', async () => {
    const { token } = (await request({ audiences: ['vault', 'db'] })).body.status;
    expect(await whoAmI({ token })).toBe('401 Unauthorized');
    expect((await review(token)).error).toContain('is invalid for the target audiences');
    expect((await review(token, ['db', 'mail'])).audiences).toEqual(['db']);
    expect(await review('admin')).toMatchObject({ authenticated: true, user: { username: 'root' } });
    expect((await review('admin', ['vault'])).error).toBe('invalid bearer token');
    expect(await server.ask('POST', `${REVIEWS}/tokenreviews`, { body: {} })).toMatchObject({ status: 400 });
  });

  it('can be checked by whoever reads the published keys', async () => {
    const { token } = (await request()).body.status;
    const { body: configuration } = await server.ask('GET', '/.well-known/openid-configuration');
    expect(configuration).toMatchObject({
      issuer: 'https://kubernetes.default.svc',
      jwks_uri: expect.stringMatching(/^https:\/\/[\d.]+:\d+\/openid\/v1\/jwks$/),
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const { body, headers } = await server.ask('GET', '/openid/v1/jwks', { token });
    expect(headers['content-type']).toBe('application/jwk-set+json');
    const [jwk] = JSON.parse(body).keys;
    const [head, claims, signature] = token.split('.');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const signed = Buffer.from(`${head}.${claims}`);
    expect(verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))).toBe(
      true,
    );
    expect((await server.ask('GET', '/openid/v1/jwks', { token: '' })).status).toBe(403);
  });
});
