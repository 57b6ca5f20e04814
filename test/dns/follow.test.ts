// `vitrine dns` beside a real API server: names come and go with their objects, and names of others are asked of those who know.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import { type ServerProcess, startServerProcess } from '../harness/apiserver.ts';
import { type DnsProcess, startDnsProcess } from '../harness/dns.ts';
import { eventually } from '../harness/lab.ts';
import { resolverAt } from './resolve.ts';

const http = [{ name: 'http', port: 80 }];

function service(name: string, spec: Service['spec']): Service {
  return { metadata: { name, namespace: 'default' }, spec };
}

function slice(name: string, of: string, addresses: readonly string[]): EndpointSlice {
  const metadata = { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } };
  const endpoints = addresses.map((address, i) => ({ addresses: [address], hostname: `${of}-${i}` }));
  return { metadata, addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'TCP' }], endpoints };
}

describe('vitrine dns', () => {
  let server: ServerProcess;
  let client: RestClient;
  let dns: DnsProcess;

  beforeAll(async () => {
    server = await startServerProcess();
    client = new RestClient(await loadKubeconfig(server.kubeconfig), { userAgent: 'test' });
    dns = await startDnsProcess(server.kubeconfig);
  });
  afterAll(async () => {
    await dns?.stop();
    await client?.close();
    await server?.stop();
  });

  /** Addresses, or the code that Node gives for there being none. */
  async function ask(name: string, at = dns): Promise<string[] | string> {
    return resolverAt(at.address)
      .resolve4(name)
      .then(
        (found) => found.sort(),
        (error: NodeJS.ErrnoException) => error.code!,
      );
  }
  const becomes = (name: string, expected: unknown): Promise<unknown> =>
    eventually(
      () => ask(name),
      (found) => JSON.stringify(found) === JSON.stringify(expected),
    );

  it('follows Services as they come and go', async () => {
    await client.create(services, service('web', { clusterIP: '10.96.0.20', ports: http }));
    await becomes('web.default.svc.cluster.local', ['10.96.0.20']);
    await client.delete(services, { name: 'web', namespace: 'default' });
    await becomes('web.default.svc.cluster.local', 'ENOTFOUND');
  });

  it('follows endpoints of headless Services', async () => {
    await client.create(services, service('db', { clusterIP: 'None', ports: http }));
    await client.create(endpointSlices, slice('db-1', 'db', ['10.244.1.5', '10.244.2.5']));
    await becomes('db.default.svc.cluster.local', ['10.244.1.5', '10.244.2.5']);
    await becomes('db-1.db.default.svc.cluster.local', ['10.244.2.5']);
    const found = await resolverAt(dns.address).resolveSrv('_http._tcp.db.default.svc.cluster.local');
    expect(found.map(({ name, port }) => `${name}:${port}`).sort()).toEqual([
      'db-0.db.default.svc.cluster.local:8080',
      'db-1.db.default.svc.cluster.local:8080',
    ]);
    await client.patch(endpointSlices, { name: 'db-1', namespace: 'default' }, { endpoints: [] });
    await becomes('db.default.svc.cluster.local', 'ENOTFOUND');
  });

  it('knows nothing outside the cluster unless told whom to ask', async () => {
    expect(await ask('www.example.com')).toBe('ESERVFAIL');
  });

  it('asks others for names outside, the next one where one is silent, over TCP what is too long for UDP', async () => {
    // Another server of the same cluster, with a domain of its own, is the outside world.
    const world = await startDnsProcess(server.kubeconfig, ['--cluster-domain', 'example.com']);
    const nobody = '127.0.0.1:9';
    const inside = await startDnsProcess(server.kubeconfig, ['--forward', nobody, '--forward', world.address]);
    try {
      await client.create(services, service('shop', { clusterIP: '10.96.0.30', ports: http }));
      const externalName = 'shop.default.svc.example.com';
      await client.create(services, service('alias', { type: 'ExternalName', externalName }));
      const many = Array.from({ length: 100 }, (_, i) => `10.244.9.${i + 1}`);
      await client.create(services, service('crowd', { clusterIP: 'None', ports: http }));
      await client.create(endpointSlices, slice('crowd-1', 'crowd', many));
      const seen = async (): Promise<unknown> => [
        await ask('shop.default.svc.example.com', inside),
        await ask('alias.default.svc.cluster.local', inside),
        ((await ask('crowd.default.svc.example.com', inside)) as string[]).length,
        await ask('missing.default.svc.example.com', inside),
      ];
      const expected = [['10.96.0.30'], ['10.96.0.30'], 100, 'ENOTFOUND'];
      await eventually(seen, (found) => JSON.stringify(found) === JSON.stringify(expected));
    } finally {
      await inside.stop();
      await world.stop();
    }
  });
});
