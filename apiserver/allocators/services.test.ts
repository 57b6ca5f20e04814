// What Services get from a cluster of both families, and give back.
import { afterEach, describe, expect, it } from 'vitest';
import { type Reply, startTestServer, type TestServer } from '../server.harness.ts';
import { MemoryStore } from '../storage/memory.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const ADDRESSES = '/apis/networking.k8s.io/v1/ipaddresses';
const MERGE = 'application/merge-patch+json';
const DUAL = '10.96.0.0/24,fd00:96::/112';
const ports = [{ port: 80 }];

let server: TestServer;
afterEach(() => server.close());
const start = async (serviceClusterIPRange: string, store?: MemoryStore): Promise<void> => {
  server = await startTestServer({ serviceClusterIPRange, store, serviceNodePortRange: '30000-30031' });
};

const create = (name: string, spec: object = {}, query = ''): Promise<Reply> =>
  server.ask('POST', `${SERVICES}${query}`, { body: { metadata: { name }, spec: { ports, ...spec } } });
const patch = (name: string, spec: object): Promise<Reply> =>
  server.ask('PATCH', `${SERVICES}/${name}`, { body: { spec }, contentType: MERGE });
const remove = (name: string): Promise<Reply> => server.ask('DELETE', `${SERVICES}/${name}`);

/** The addresses that have an object, the API server's own aside. */
async function allocated(): Promise<string[]> {
  const { body } = await server.ask('GET', ADDRESSES);
  const names: string[] = body.items.map((one: { metadata: { name: string } }) => one.metadata.name);
  return names.filter((name) => name !== '10.96.0.1' && name !== 'fd00:96::1');
}

describe('cluster IPs', () => {
  it('come and go with what the Service asks for', async () => {
    await start(DUAL);
    const made = await create('a', { clusterIP: '10.96.0.9' });
    expect(made.body.spec).toMatchObject({ clusterIPs: ['10.96.0.9'], ipFamilyPolicy: 'SingleStack' });
    const grown = await patch('a', { ipFamilyPolicy: 'RequireDualStack' });
    const [first, second] = grown.body.spec.clusterIPs;
    expect([first, second]).toEqual(['10.96.0.9', expect.stringMatching(/^fd00:96::[0-9a-f]+$/)]);
    expect(await allocated()).toEqual([first, second]);
    const shrunk = await patch('a', { ipFamilyPolicy: 'SingleStack' });
    expect(shrunk.body.spec).toMatchObject({ clusterIPs: [first], ipFamilies: ['IPv4'] });
    expect(await allocated()).toEqual([first]);
    await patch('a', { type: 'ExternalName', externalName: 'x.example.com', ports: null });
    expect(await allocated()).toEqual([]);
    const back = await patch('a', { type: 'ClusterIP', externalName: null, ports, ipFamilyPolicy: 'PreferDualStack' });
    expect(await allocated()).toEqual([...back.body.spec.clusterIPs].sort());
    await remove('a');
    expect(await allocated()).toEqual([]);
  });

  it('that cannot be had leave nothing behind', async () => {
    await start(DUAL);
    await create('a', { clusterIP: '10.96.0.9' });
    const both = {
      ipFamilyPolicy: 'RequireDualStack',
      clusterIP: 'fd00:96::9',
      clusterIPs: ['fd00:96::9', '10.96.0.9'],
    };
    const { body } = await create('b', both);
    expect(body.message).toBe(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["fd00:96::9","10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated',
    );
    expect((await create('c', { clusterIP: 'fd00:96::9' })).status).toBe(201);
    const other = await create('d', { clusterIP: 'FD00:96:0::9' });
    expect(other.body.message).toContain('provided IP is already allocated');
  });

  it('of a dry run are shown and free', async () => {
    await start(DUAL);
    const shown = await create('a', { ipFamilyPolicy: 'RequireDualStack' }, '?dryRun=All');
    expect(shown.body.spec.clusterIPs).toEqual(['10.96.0.0', 'fd00:96::']);
    expect((await create('a', { clusterIP: '10.97.0.1' }, '?dryRun=All')).status).toBe(422);
    expect(await allocated()).toEqual([]);
  });

  it('are the same after a restart, and told of when the range is another', async () => {
    const store = new MemoryStore();
    await start('10.96.0.0/24', store);
    const { body } = await create('a', { type: 'NodePort', ipFamilyPolicy: 'PreferDualStack' });
    await server.close();
    await start(DUAL, store);
    const { body: ranges } = await server.ask('GET', '/apis/networking.k8s.io/v1/servicecidrs/kubernetes');
    expect(ranges.spec.cidrs).toEqual(DUAL.split(','));
    const same = await patch('a', { sessionAffinity: 'ClientIP' });
    expect(same.body.spec.clusterIPs).toEqual(body.spec.clusterIPs);
    const taken = await create('b', { type: 'NodePort', ports: [{ port: 80, nodePort: body.spec.ports[0].nodePort }] });
    expect(taken.body.message).toContain('provided port is already allocated');
    await server.close();
    await server.store.commit([{ key: 'networking.k8s.io/servicecidrs/kubernetes' }]);
    server = await startTestServer({
      store,
      serviceClusterIPRange: '10.99.0.0/24',
      serviceNodePortRange: '31000-31031',
    });
    const events = await server.ask('GET', '/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=a');
    const said = events.body.items.map(({ reason, message }: Record<string, string>) => `${reason}: ${message}`).sort();
    const [address, port] = [body.spec.clusterIP, body.spec.ports[0].nodePort];
    expect(said).toEqual([
      `ClusterIPOutOfRange: Cluster IP [IPv4]: ${address} is not within any configured Service CIDR; please recreate service`,
      `PortOutOfRange: Port ${port} is not within the port range 31000-31031; please recreate service`,
    ]);
  });

  it('are put right when a server starts on what another one left', async () => {
    const store = new MemoryStore();
    await start('10.96.0.0/24', store);
    await create('a', { clusterIP: '10.96.0.9' });
    const prefix = 'networking.k8s.io/ipaddresses/';
    const lost = store.get(`${prefix}10.96.0.9`)!;
    await server.close();
    const leaked = Buffer.from(lost.value.toString().replaceAll('10.96.0.9', '10.96.0.8'));
    await store.commit([{ key: lost.key }, { key: `${prefix}10.96.0.8`, value: leaked }]);
    await start('10.96.0.0/24', store);
    expect(await allocated()).toEqual(['10.96.0.9']);
    expect((await create('b', { clusterIP: '10.96.0.8' })).status).toBe(201);
    expect((await create('c', { clusterIP: '10.96.0.9' })).status).toBe(422);
  });

  it('are IPv6 where the cluster is', async () => {
    await start('fd00:96::/112');
    const { body } = await server.ask('GET', `${SERVICES}/kubernetes`);
    expect(body.spec).toMatchObject({ clusterIP: 'fd00:96::1', ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' });
    expect((await create('a')).body.spec.ipFamilies).toEqual(['IPv6']);
    expect((await create('b', { ipFamilies: ['IPv4'] })).body.message).toContain('not configured on this cluster');
  });
});

describe('ports of nodes', () => {
  const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };

  it('for health checks come with the policy and go with it', async () => {
    await start(DUAL);
    const { body } = await create('a', { ...local, healthCheckNodePort: 30010 });
    expect(body.spec.healthCheckNodePort).toBe(30010);
    const taken = await create('b', { ...local, healthCheckNodePort: 30010 });
    expect(taken.body).toMatchObject({
      code: 500,
      message: expect.stringContaining('HealthCheck NodePort 30010: provided port'),
    });
    expect((await patch('a', { healthCheckNodePort: 30011 })).body.message).toContain('field is immutable');
    expect((await patch('a', { externalTrafficPolicy: 'Cluster' })).body.spec).not.toHaveProperty(
      'healthCheckNodePort',
    );
    expect((await create('b', { ...local, healthCheckNodePort: 30010 })).status).toBe(201);
    await patch('b', { type: 'ClusterIP' });
    expect((await create('c', { ...local, healthCheckNodePort: 30010 })).status).toBe(201);
    await remove('c');
    expect((await create('d', { ...local, healthCheckNodePort: 30010 })).status).toBe(201);
  });

  it('that are asked for are taken, also where none are given', async () => {
    await start(DUAL);
    const none = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false };
    expect((await create('a', none)).body.spec.ports[0]).not.toHaveProperty('nodePort');
    await create('b', { ...none, ports: [{ port: 80, nodePort: 30001 }] });
    const taken = await create('c', { type: 'NodePort', ports: [{ port: 80, nodePort: 30001 }] });
    expect(taken.body.message).toContain(
      'spec.ports[0].nodePort: Invalid value: 30001: provided port is already allocated',
    );
  });

  it('run out with an error of the server', async () => {
    await start(DUAL);
    const many = Array.from({ length: 32 }, (_, i) => ({ name: `p${i}`, port: 80 + i }));
    expect((await create('a', { type: 'NodePort', ports: many })).status).toBe(201);
    expect((await create('b', { type: 'NodePort' })).body).toMatchObject({
      code: 500,
      message: 'Internal error occurred: failed to allocate a nodePort: range is full',
    });
  });
});
