import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import { events, ipAddresses, services } from '../../client/resources.ts';
import { FINALIZER } from '../../controllers/load-balancer.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  // .0 to .2 and .7 are the provider's: four addresses are left.
  cluster = await startCluster({ loadBalancerCIDRs: ['52.1.2.0/29'] });
});
afterAll(() => cluster.stop());

const at = (name: string) => ({ name, namespace: cluster.namespace });
const create = (name: string, spec: Service['spec'] = {}): Promise<Service> =>
  cluster.client.create(services, {
    metadata: at(name),
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  });
const addressOf = async (name: string): Promise<string | undefined> =>
  (await find(cluster.client, services, at(name)))?.status?.loadBalancer?.ingress?.[0]?.ip;
const reasons = async (name: string): Promise<(string | undefined)[]> =>
  (
    await cluster.client.list(events, { namespace: cluster.namespace, fieldSelector: `involvedObject.name=${name}` })
  ).items
    .map(({ reason }) => reason)
    .sort();

describe('a Service of type LoadBalancer', () => {
  it('gets the first free address, a finalizer and Events, and gives them back', async () => {
    await create('web');
    await eventually(async () => (await addressOf('web')) === '52.1.2.3');
    const made = await cluster.client.get(services, at('web'));
    expect(made.metadata.finalizers).toEqual([FINALIZER]);
    expect(made.status?.loadBalancer?.ingress).toEqual([{ ip: '52.1.2.3', ipMode: 'VIP' }]);
    await create('api');
    await eventually(async () => (await addressOf('api')) === '52.1.2.4');
    await cluster.client.delete(services, at('web'));
    await eventually(async () => (await find(cluster.client, services, at('web'))) === undefined);
    expect(await find(cluster.client, ipAddresses, { name: made.spec!.clusterIP! })).toBeUndefined();
    const said = ['DeletedLoadBalancer', 'DeletingLoadBalancer', 'EnsuredLoadBalancer', 'EnsuringLoadBalancer'];
    await eventually(async () => (await reasons('web')).join() === said.join());
    await create('again');
    await eventually(async () => (await addressOf('again')) === '52.1.2.3');
  });

  it('loses both when it becomes another type', async () => {
    await create('was');
    await eventually(async () => (await addressOf('was')) !== undefined);
    await cluster.client.patch(services, at('was'), { spec: { type: 'ClusterIP' } });
    await eventually(async () => (await find(cluster.client, services, at('was')))?.metadata.finalizers === undefined);
    expect(await addressOf('was')).toBeUndefined();
    await eventually(async () => (await reasons('was')).includes('Type'));
  });

  it('gets the address it asks for, if that is free, and waits for one if none is', async () => {
    await create('wants', { loadBalancerIP: '52.1.2.6' });
    await eventually(async () => (await addressOf('wants')) === '52.1.2.6');
    await create('same', { loadBalancerIP: '52.1.2.6' });
    await eventually(async () => (await reasons('same')).includes('SyncLoadBalancerFailed'));
    expect(await addressOf('same')).toBeUndefined();
    await cluster.client.delete(services, at('wants'));
    await eventually(async () => (await addressOf('same')) === '52.1.2.6');
  });

  it('is left to another when it has a class', async () => {
    await create('else', { loadBalancerClass: 'example.com/other' });
    await create('marker');
    await eventually(async () => (await addressOf('marker')) !== undefined);
    expect((await cluster.client.get(services, at('else'))).status?.loadBalancer).toEqual({});
  });
});
