// Server-side apply and metadata.managedFields as a client sees them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ask, type Reply, startTestServer, type TestServer } from '../server.harness.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const CONFIG_MAPS = `${NAMESPACE}/configmaps`;
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

interface Patch {
  readonly manager?: string;
  readonly query?: string;
}

function apply(path: string, body: unknown, { manager = 'test', query = '' }: Patch = {}): Promise<Reply> {
  const ask: Ask = { body, contentType: 'application/apply-patch+yaml' };
  return server.ask('PATCH', `${path}?fieldManager=${manager}${query}`, ask);
}

function merge(path: string, body: unknown, query = ''): Promise<Reply> {
  return server.ask('PATCH', `${path}${query}`, { body, contentType: 'application/merge-patch+json' });
}

const configMap = (name: string, data: object, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});

const deployment = (name: string, spec: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});

interface Owner {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1: Record<string, unknown>;
}

const owners = ({ body }: Reply): Owner[] => body.metadata.managedFields ?? [];
const names = (reply: Reply): string[] => owners(reply).map(({ manager }) => manager);

describe('apply', () => {
  it('creates with 201, changes with 200, and does nothing when there is nothing to do', async () => {
    const path = `${CONFIG_MAPS}/created`;
    const first = await apply(path, configMap('created', { a: '1' }));
    expect(first.status).toBe(201);
    const second = await apply(path, configMap('created', { a: '2' }));
    expect(second.status).toBe(200);
    expect(second.body.data).toEqual({ a: '2' });
    const third = await apply(path, configMap('created', { a: '2' }));
    expect(third.body.metadata.resourceVersion).toBe(second.body.metadata.resourceVersion);
  });

  it('reads YAML', async () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    expect((await apply(`${CONFIG_MAPS}/yaml`, text)).body.data).toEqual({ a: '1' });
    const broken = await apply(`${CONFIG_MAPS}/yaml`, 'a: [');
    expect([broken.status, broken.body.message]).toEqual([400, expect.stringContaining('error decoding YAML: ')]);
  });

  it('of a dry run changes nothing', async () => {
    const path = `${CONFIG_MAPS}/dry`;
    const query = '&dryRun=All';
    expect((await apply(path, configMap('dry', { a: '1' }), { query })).status).toBe(201);
    expect((await server.ask('GET', path)).status).toBe(404);
    await apply(path, configMap('dry', { a: '1' }));
    expect((await apply(path, configMap('dry', { a: '2' }), { query })).body.data).toEqual({ a: '2' });
    expect((await server.ask('GET', path)).body.data).toEqual({ a: '1' });
  });

  it.each([
    ['without a manager', 422, 'fieldManager: Required value: is required for apply patch', { manager: '' }, {}],
    [
      'with a long manager',
      422,
      'fieldManager: Too long: may not be more than 128 bytes',
      { manager: 'm'.repeat(129) },
      {},
    ],
    ['with an unprintable manager', 422, 'invalid character U+0007 (at position 1)', { manager: 'a%07' }, {}],
    ['of another kind', 400, 'invalid object type: /v1, Kind=Secret', {}, { kind: 'Secret' }],
    ['of another name', 400, 'the name of the object (other) does not match', {}, { metadata: { name: 'other' } }],
    ['without a name', 400, 'undeterminable: name must be provided', {}, { metadata: {} }],
    ['of unknown fields', 500, '(/refused; /v1, Kind=ConfigMap): .dta: field not declared', {}, { dta: {} }],
    ['of owners', 400, 'metadata.managedFields must be nil', {}, { metadata: { name: 'refused', managedFields: [] } }],
    [
      'of what should be there',
      409,
      'uid mismatch: the provided object specified uid u',
      {},
      { metadata: { name: 'refused', uid: 'u' } },
    ],
  ])('%s is refused', async (_what, status, message, patch, change) => {
    const reply = await apply(`${CONFIG_MAPS}/refused`, { ...configMap('refused', { a: '1' }), ...change }, patch);
    expect([reply.status, reply.body.message]).toEqual([status, expect.stringContaining(message)]);
  });

  it('alone may force', async () => {
    const reply = await merge(`${CONFIG_MAPS}/refused`, {}, '?force=true');
    expect(reply.body.message).toContain('force: Forbidden: may not be specified for non-apply patch');
  });

  it('holds to the version and the identity it names', async () => {
    const path = `${CONFIG_MAPS}/conditional`;
    const { body } = await apply(path, configMap('conditional', { a: '1' }));
    await apply(path, configMap('conditional', { a: '2' }));
    const stale = { resourceVersion: body.metadata.resourceVersion };
    expect((await apply(path, configMap('conditional', { a: '3' }, stale))).status).toBe(409);
    const other = { uid: '00000000-0000-0000-0000-000000000000' };
    expect((await apply(path, configMap('conditional', { a: '3' }, other))).status).toBe(422);
  });

  it('to status leaves the rest alone, and owns none of it', async () => {
    const path = `${DEPLOYMENTS}/status`;
    await apply(path, deployment('status'));
    const reply = await apply(
      `${path}/status`,
      { ...deployment('status', { replicas: 7 }), status: { replicas: 2 } },
      { manager: 'ctl' },
    );
    expect([reply.body.spec.replicas, reply.body.status.replicas]).toEqual([1, 2]);
    const { fieldsV1, subresource } = owners(reply).find(({ manager }) => manager === 'ctl')!;
    expect([fieldsV1, subresource]).toEqual([{ 'f:status': { 'f:replicas': {} } }, 'status']);
    const missing = `${DEPLOYMENTS}/missing/status`;
    expect((await apply(missing, { ...deployment('missing'), status: {} })).status).toBe(404);
  });

  it('to scale owns the workload’s replicas', async () => {
    const path = `${DEPLOYMENTS}/scaled`;
    await apply(path, deployment('scaled', { replicas: 1 }));
    const scale = (replicas: number): object => ({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'scaled' },
      spec: { replicas },
    });
    const refused = await apply(`${path}/scale`, scale(3), { manager: 'hpa' });
    expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "test": .spec.replicas');
    const forced = await apply(`${path}/scale`, scale(3), { manager: 'hpa', query: '&force=true' });
    expect(forced.body.spec).toEqual({ replicas: 3 });
    const reply = await apply(path, deployment('scaled', { replicas: 5 }));
    expect(reply.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale": .spec.replicas',
    );
    // The template was not given up with the replicas.
    expect((await apply(path, deployment('scaled'))).body.spec.replicas).toBe(3);
  });

  it('sees through versions', async () => {
    const path = '/apis/autoscaling/VERSION/namespaces/default/horizontalpodautoscalers/h';
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
    const metadata = { name: 'h' };
    const v1 = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata,
      spec: { maxReplicas: 3, scaleTargetRef: target },
    };
    const v2 = { ...v1, apiVersion: 'autoscaling/v2', spec: { maxReplicas: 4, scaleTargetRef: target } };
    expect((await apply(path.replace('VERSION', 'v1'), v1, { manager: 'one' })).status).toBe(201);
    const refused = await apply(path.replace('VERSION', 'v2'), v2, { manager: 'two' });
    expect(refused.body.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.maxReplicas');
    const moved = await apply(path.replace('VERSION', 'v2'), v2, { manager: 'one' });
    expect(owners(moved).map(({ operation }) => operation)).toEqual(['Apply']);
    expect(moved.body.spec.maxReplicas).toBe(4);
  });

  it('by kubectl takes over what kubectl applied the other way, and keeps its annotation', async () => {
    const path = `${CONFIG_MAPS}/migrated`;
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const last = JSON.stringify(configMap('migrated', { a: '1' }));
    await server.ask('POST', `${CONFIG_MAPS}?fieldManager=kubectl-client-side-apply`, {
      body: configMap('migrated', { a: '1', b: '1' }, { annotations: { [annotation]: last } }),
    });
    const other = await apply(path, configMap('migrated', { b: '2' }), { manager: 'kubectl' });
    expect(other.body.message).toContain('conflict with "kubectl-client-side-apply" using v1: .data.b');
    const own = await apply(path, configMap('migrated', { a: '<2>' }), { manager: 'kubectl' });
    expect(own.body.data).toEqual({ a: '<2>', b: '1' });
    expect(own.body.metadata.annotations[annotation]).toBe(
      '{"apiVersion":"v1","data":{"a":"\\u003c2\\u003e"},"kind":"ConfigMap","metadata":{"name":"migrated"}}\n',
    );
  });
});

describe('managedFields', () => {
  it('name the client’s program when it names no manager', async () => {
    const made = async (name: string, agent?: string): Promise<string[]> => {
      const headers = agent === undefined ? undefined : { 'user-agent': agent };
      return names(await server.ask('POST', CONFIG_MAPS, { body: configMap(name, { a: '1' }), headers }));
    };
    expect(await made('agent', 'kubectl/v1.33 (linux)')).toEqual(['kubectl']);
    expect(await made('long-agent', 'x'.repeat(200))).toEqual(['x'.repeat(128)]);
    expect(await made('no-agent')).toEqual(['unknown']);
  });

  it('leave out what the server filled in after the client was heard', async () => {
    const body = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'svc' }, spec: { ports: [{ port: 80 }] } };
    const reply = await server.ask('POST', `${NAMESPACE}/services?fieldManager=hand`, { body });
    expect(Object.keys(owners(reply)[0].fieldsV1['f:spec'] as object)).toEqual([
      'f:internalTrafficPolicy',
      'f:ports',
      'f:sessionAffinity',
      'f:type',
    ]);
  });

  it('survive clients that do not know them, and writes that change nothing', async () => {
    const path = `${CONFIG_MAPS}/kept`;
    const { body } = await server.ask('POST', `${CONFIG_MAPS}?fieldManager=one`, {
      body: configMap('kept', { a: '1' }),
    });
    const { managedFields, ...metadata } = body.metadata;
    const same = await server.ask('PUT', `${path}?fieldManager=two`, { body: { ...body, metadata } });
    expect(same.body.metadata).toEqual(body.metadata);
    const put = await server.ask('PUT', `${path}?fieldManager=two`, {
      body: { ...body, metadata, data: { a: '1', b: '2' } },
    });
    expect(owners(put).map(({ manager, fieldsV1 }) => [manager, fieldsV1])).toEqual([
      ['one', managedFields[0].fieldsV1],
      ['two', { 'f:data': { 'f:b': {} } }],
    ]);
  });

  it.each([[[]], [[{}]]])('are forgotten when a client says %j', async (managedFields) => {
    const name = `forgotten-${managedFields.length}`;
    await apply(`${CONFIG_MAPS}/${name}`, configMap(name, { a: '1' }));
    const reply = await merge(`${CONFIG_MAPS}/${name}`, { metadata: { managedFields } });
    expect([reply.status, names(reply)]).toEqual([200, []]);
    // Nobody is tracked until somebody applies again.
    expect(names(await merge(`${CONFIG_MAPS}/${name}`, { data: { a: '2' } }))).toEqual([]);
    expect(names(await apply(`${CONFIG_MAPS}/${name}`, configMap(name, { a: '2' })))).toEqual([
      'test',
      'before-first-apply',
    ]);
  });

  it('may be edited, but only to what makes sense', async () => {
    const path = `${CONFIG_MAPS}/edited`;
    const { body } = await apply(path, configMap('edited', { a: '1' }));
    const [entry] = body.metadata.managedFields;
    const write = (managedFields: unknown): Promise<Reply> => merge(path, { metadata: { managedFields } });
    expect(names(await write([{ ...entry, manager: 'renamed' }]))).toEqual(['renamed']);
    expect(names(await write([{ ...entry, operation: 'Guess' }]))).toEqual(['renamed']);
    expect(names(await write([{ ...entry, fieldsV1: { nonsense: {} } }]))).toEqual(['renamed']);
    const long = await write([{ ...entry, manager: 'm'.repeat(129) }]);
    expect(long.body.details.causes).toEqual([
      {
        reason: 'FieldValueTooLong',
        field: 'metadata.managedFields[0].manager',
        message: 'Too long: may not be more than 128 bytes',
      },
    ]);
  });
});
