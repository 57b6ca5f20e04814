// The whole server over HTTPS: every verb, conflicts, versions, selectors, watches, allocation, deletion.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './server.harness.ts';
import { MemoryStore } from './storage/memory.ts';

const MERGE = 'application/merge-patch+json';
const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
const PODS = '/api/v1/namespaces/default/pods';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ask('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
});
afterAll(() => server.close());

const configMap = (name: string, rest: object = {}): object => ({ metadata: { name, ...rest }, data: { a: '1' } });

describe('a fresh server', () => {
  it('has its namespaces, the kubernetes Service and its endpoints', async () => {
    const namespaces = await server.ask('GET', '/api/v1/namespaces');
    expect(namespaces.body.items.map((one: { metadata: { name: string } }) => one.metadata.name)).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ]);
    expect((await server.ask('GET', `${SERVICES}/kubernetes`)).body.spec.clusterIP).toBe('10.96.0.1');
    const slice = await server.ask('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes');
    expect(slice.body.ports[0].port).toBe(Number(new URL(server.url).port));
  });

  it.each([
    ['/healthz', '', 200],
    ['/version', '', 200],
    ['/api/v1/pods', '', 403],
    ['/metrics', '', 403],
    ['/api/v1/pods', 'nobody', 401],
  ])('GET %s with token "%s" answers %i', async (path, token, status) => {
    expect((await server.ask('GET', path, { token })).status).toBe(status);
  });
});

describe('writes', () => {
  it('create, read, replace, patch and delete an object', async () => {
    const created = await server.ask('POST', CONFIGMAPS, { body: configMap('crud') });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { namespace: 'default' } });
    const replaced = await server.ask('PUT', `${CONFIGMAPS}/crud`, { body: { ...created.body, data: { b: '2' } } });
    expect(replaced.body.data).toEqual({ b: '2' });
    const stale = await server.ask('PUT', `${CONFIGMAPS}/crud`, { body: created.body });
    expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
    const patched = await server.ask('PATCH', `${CONFIGMAPS}/crud`, {
      body: { data: { c: '3' } },
      contentType: MERGE,
    });
    expect(patched.body.data).toEqual({ b: '2', c: '3' });
    const same = await server.ask('PATCH', `${CONFIGMAPS}/crud`, { body: { data: { c: '3' } }, contentType: MERGE });
    expect(same.body.metadata.resourceVersion).toBe(patched.body.metadata.resourceVersion);
    expect((await server.ask('DELETE', `${CONFIGMAPS}/crud`)).body.status).toBe('Success');
    expect((await server.ask('GET', `${CONFIGMAPS}/crud`)).body.message).toBe('configmaps "crud" not found');
  });

  it('survive a race: every concurrent patch of one object is kept', async () => {
    await server.ask('POST', CONFIGMAPS, { body: configMap('race') });
    const keys = Array.from({ length: 15 }, (_, i) => `k${i}`);
    const answers = await Promise.all(
      keys.map((key) =>
        server.ask('PATCH', `${CONFIGMAPS}/race`, { body: { data: { [key]: 'x' } }, contentType: MERGE }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
    const { body } = await server.ask('GET', `${CONFIGMAPS}/race`);
    expect(Object.keys(body.data).sort()).toEqual(['a', ...keys].sort());
  });

  it.each([
    ['broken JSON', '{"a":', {}, 400, /unexpected end of JSON input/],
    ['a wrong type', { metadata: { name: 'x' }, data: { a: 1 } }, {}, 400, /cannot unmarshal number/],
    ['an upper-case name', configMap('Upper'), {}, 422, /metadata.name: Invalid value/],
    ['another kind', { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' } }, {}, 400, /unknown conversion/],
    ['a form', 'a=b', { contentType: 'application/x-www-form-urlencoded' }, 415, /unknown format/],
    ['bad YAML', 'metadata:\n  name: [', { contentType: 'application/yaml' }, 400, /yaml: line/],
    ['four mebibytes', configMap('big', { annotations: { a: 'x'.repeat(4 << 20) } }), {}, 413, /limit is 3145728/],
  ])('refuse %s', async (_what, body, options, status, message) => {
    const before = server.store.revision;
    const answer = await server.ask('POST', CONFIGMAPS, { body, ...options });
    expect(answer.status).toBe(status);
    expect(answer.body.message).toMatch(message);
    expect(server.store.revision).toBe(before);
  });

  it('need a namespace that is there and stays', async () => {
    const absent = await server.ask('POST', '/api/v1/namespaces/none/configmaps', { body: configMap('x') });
    expect(absent.body).toMatchObject({ code: 404, message: 'namespaces "none" not found' });
    await server.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'going' } } });
    const going = await server.ask('DELETE', '/api/v1/namespaces/going');
    expect(going.body.status.phase).toBe('Terminating');
    const refused = await server.ask('POST', '/api/v1/namespaces/going/configmaps', { body: configMap('x') });
    expect(refused.body.details.causes[0].reason).toBe('NamespaceTerminating');
    await server.ask('PUT', '/api/v1/namespaces/going/finalize', {
      body: { metadata: { name: 'going' }, spec: { finalizers: [] } },
    });
    expect((await server.ask('GET', '/api/v1/namespaces/going')).status).toBe(404);
  });

  it('change nothing on a dry run', async () => {
    const before = server.store.revision;
    const answer = await server.ask('POST', `${CONFIGMAPS}?dryRun=All`, { body: configMap('dry') });
    expect(answer.status).toBe(201);
    expect(answer.body.metadata.resourceVersion).toBeUndefined();
    expect(server.store.revision).toBe(before);
  });
});

describe('lists', () => {
  it('page through one snapshot whatever happens meanwhile', async () => {
    const path = '/api/v1/namespaces/kube-public/configmaps';
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      await server.ask('POST', path, { body: configMap(name, { labels: { odd: String('ace'.includes(name)) } }) });
    }
    const first = await server.ask('GET', `${path}?limit=2`);
    expect(first.body.metadata.remainingItemCount).toBe(3);
    await server.ask('DELETE', `${path}/d`);
    const rest = await server.ask('GET', `${path}?continue=${first.body.metadata.continue}`);
    const names = (items: Array<{ metadata: { name: string } }>): string[] =>
      items.map(({ metadata }) => metadata.name);
    expect(names([...first.body.items, ...rest.body.items])).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(rest.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion);
    const odd = await server.ask('GET', `${path}?labelSelector=odd%3Dtrue&fieldSelector=metadata.name!%3Da`);
    expect(names(odd.body.items)).toEqual(['c', 'e']);
  });

  it('answer 410 for a page of forgotten history', async () => {
    const other = await startTestServer();
    await other.ask('POST', CONFIGMAPS, { body: configMap('x') });
    await other.ask('POST', CONFIGMAPS, { body: configMap('y') });
    const first = await other.ask('GET', `${CONFIGMAPS}?limit=1`);
    await other.ask('DELETE', `${CONFIGMAPS}/x`);
    await other.store.compact(other.store.revision);
    const next = await other.ask('GET', `${CONFIGMAPS}?continue=${first.body.metadata.continue}`);
    expect(next.body).toMatchObject({ code: 410, reason: 'Expired' });
    const watch = await other.ask('GET', `${CONFIGMAPS}?watch=1&resourceVersion=1`);
    expect(watch.body).toMatchObject({ code: 410, reason: 'Expired' });
    await other.close();
  });

  it('show Tables', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { body } = await server.ask('GET', `${SERVICES}/kubernetes`, { headers: { accept } });
    expect(body.kind).toBe('Table');
    expect(body.rows[0].cells.slice(0, 5)).toEqual(['kubernetes', 'ClusterIP', '10.96.0.1', '<none>', '443/TCP']);
  });
});

describe('watches', () => {
  it('tell every change once and in order, from any version', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps';
    const { body } = await server.ask('GET', path);
    const from = body.metadata.resourceVersion;
    const live = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    await server.ask('POST', path, { body: configMap('w') });
    await server.ask('PATCH', `${path}/w`, { body: { data: { a: '2' } }, contentType: MERGE });
    await server.ask('DELETE', `${path}/w`);
    const late = await server.watch(`${path}?watch=1&resourceVersion=${from}`);
    for (const watch of [live, late]) {
      const events = [await watch.next(), await watch.next(), await watch.next()];
      expect(events.map((event) => event!.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
      const versions = events.map((event) => Number(event!.object.metadata.resourceVersion));
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      watch.stop();
    }
  });

  it('see an object enter and leave their selection', async () => {
    const path = '/api/v1/namespaces/kube-system/configmaps';
    await server.ask('POST', path, { body: configMap('s') });
    const rv = server.store.revision;
    const watch = await server.watch(`${path}?watch=1&resourceVersion=${rv}&labelSelector=in%3Dyes`);
    for (const value of ['yes', 'no']) {
      await server.ask('PATCH', `${path}/s`, { body: { metadata: { labels: { in: value } } }, contentType: MERGE });
    }
    expect([(await watch.next())!.type, (await watch.next())!.type]).toEqual(['ADDED', 'DELETED']);
    watch.stop();
  });

  it('begin with the initial state and its end, and end at their timeout', async () => {
    const query =
      'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
    const watch = await server.watch(`${SERVICES}?${query}`);
    expect((await watch.next())!.object.metadata.name).toBe('kubernetes');
    expect((await watch.next())!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    expect((await watch.next())!.type).toBe('BOOKMARK');
    expect(await watch.next()).toBeUndefined();
  });

  it('end when the server closes', async () => {
    const other = await startTestServer();
    const watch = await other.watch(`${CONFIGMAPS}?watch=1`);
    await other.close();
    expect(await watch.next()).toBeUndefined();
  });
});

describe('Services', () => {
  const service = (name: string, spec: object): object => ({
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  });

  it.each([
    [{ clusterIP: '10.96.0.1' }, 'provided IP is already allocated'],
    [{ clusterIP: '10.1.0.1' }, 'the provided network does not match the current range'],
    [{ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }, 'The range of valid ports is 30000-32767'],
  ])('refuse %j', async (spec, message) => {
    const answer = await server.ask('POST', SERVICES, { body: service('refused', spec) });
    expect(answer.status).toBe(422);
    expect(answer.body.message).toContain(message);
  });

  it('hold their address and port until they go, also over a restart of the server', async () => {
    const store = new MemoryStore();
    const first = await startTestServer({ store });
    const spec = { type: 'NodePort', clusterIP: '10.96.0.50', ports: [{ port: 80, nodePort: 30123 }] };
    await first.ask('POST', SERVICES, { body: service('a', spec) });
    await first.close();
    const second = await startTestServer({ store });
    for (const taken of [{ clusterIP: '10.96.0.50' }, { type: 'NodePort', ports: [{ port: 80, nodePort: 30123 }] }]) {
      expect((await second.ask('POST', SERVICES, { body: service('b', taken) })).status).toBe(422);
    }
    expect((await second.ask('GET', '/apis/networking.k8s.io/v1/ipaddresses/10.96.0.50')).status).toBe(200);
    await second.ask('DELETE', `${SERVICES}/a`);
    expect((await second.ask('GET', '/apis/networking.k8s.io/v1/ipaddresses/10.96.0.50')).status).toBe(404);
    expect((await second.ask('POST', SERVICES, { body: service('b', spec) })).status).toBe(201);
    await second.close();
  });

  it('give their node ports back when they become ClusterIP', async () => {
    await server.ask('POST', SERVICES, {
      body: service('turn', { type: 'NodePort', ports: [{ port: 80, nodePort: 30200 }] }),
    });
    const turned = await server.ask('PATCH', `${SERVICES}/turn`, {
      body: { spec: { type: 'ClusterIP' } },
      contentType: MERGE,
    });
    expect(turned.body.spec.ports[0].nodePort).toBeUndefined();
    const other = service('other', { type: 'NodePort', ports: [{ port: 80, nodePort: 30200 }] });
    expect((await server.ask('POST', SERVICES, { body: other })).status).toBe(201);
  });
});

describe('deletion', () => {
  const pod = (name: string, spec: object = {}): object => ({
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'echo' }], ...spec },
  });

  it('waits for finalizers', async () => {
    await server.ask('POST', CONFIGMAPS, { body: configMap('held', { finalizers: ['example.com/hold'] }) });
    expect((await server.ask('DELETE', `${CONFIGMAPS}/held`)).body.metadata.deletionTimestamp).toBeDefined();
    await server.ask('PATCH', `${CONFIGMAPS}/held`, { body: { metadata: { finalizers: [] } }, contentType: MERGE });
    expect((await server.ask('GET', `${CONFIGMAPS}/held`)).status).toBe(404);
  });

  it('gives a pod on a node its grace, and one without a node none', async () => {
    await server.ask('POST', PODS, { body: pod('free') });
    await server.ask('DELETE', `${PODS}/free`);
    expect((await server.ask('GET', `${PODS}/free`)).status).toBe(404);
    await server.ask('POST', PODS, { body: pod('bound', { nodeName: 'n1' }) });
    const rv = server.store.revision;
    const watch = await server.watch(`${PODS}?watch=1&resourceVersion=${rv}`);
    expect((await server.ask('DELETE', `${PODS}/bound`)).body.metadata.deletionGracePeriodSeconds).toBe(30);
    await server.ask('DELETE', `${PODS}/bound?gracePeriodSeconds=0`);
    const types = [await watch.next(), await watch.next(), await watch.next()].map((event) => event!.type);
    expect(types).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    watch.stop();
  });

  it('writes the propagation policy into finalizers and checks preconditions', async () => {
    const created = await server.ask('POST', CONFIGMAPS, { body: configMap('fg') });
    const wrong = await server.ask('DELETE', `${CONFIGMAPS}/fg`, { body: { preconditions: { uid: 'x' } } });
    expect(wrong.body.reason).toBe('Conflict');
    const marked = await server.ask('DELETE', `${CONFIGMAPS}/fg?propagationPolicy=Foreground`);
    expect(marked.body.metadata.finalizers).toEqual(['foregroundDeletion']);
    expect(marked.body.metadata.uid).toBe(created.body.metadata.uid);
  });
});

describe('subresources', () => {
  it('scale, bind, evict and issue tokens that work', async () => {
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'echo' }] } };
    await server.ask('POST', deployments, {
      body: { metadata: { name: 'd' }, spec: { selector: { matchLabels: { app: 'x' } }, template } },
    });
    await server.ask('PATCH', `${deployments}/d/scale`, { body: { spec: { replicas: 4 } }, contentType: MERGE });
    expect((await server.ask('GET', `${deployments}/d`)).body.spec.replicas).toBe(4);
    await server.ask('POST', PODS, { body: { metadata: { name: 'sub' }, spec: template.spec } });
    const binding = { metadata: { name: 'sub' }, target: { kind: 'Node', name: 'n1' } };
    expect((await server.ask('POST', `${PODS}/sub/binding`, { body: binding })).status).toBe(201);
    expect((await server.ask('POST', `${PODS}/sub/binding`, { body: binding })).status).toBe(409);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'sub' } };
    expect((await server.ask('POST', `${PODS}/sub/eviction`, { body: eviction })).status).toBe(201);
    const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
    const { body } = await server.ask('POST', path, { body: { spec: {} } });
    const asAccount = await server.ask('GET', '/api/v1/namespaces', { token: body.status.token });
    expect(asAccount.status).toBe(200);
  });
});
