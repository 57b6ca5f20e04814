// ServiceCIDRs: where a Service's address may come from, and what holds a range.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import type { ServiceCIDR } from '../../api/types/networking.v1.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import { events, ipAddresses, serviceCIDRs, services } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import { runControllers } from '../../controllers/controllers.ts';
import { defaultOptions } from '../../controllers/options.ts';
import { FINALIZER } from '../../controllers/service-cidr.ts';
import { systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { eventually, find } from './cluster.ts';

/** The controllers' clock is ahead, so that what was deleted a moment ago was deleted long ago. */
const clock = { ...systemClock, now: (): number => Date.now() + 60_000 };
let client: RestClient;
let stop: () => Promise<void>;

beforeAll(async () => {
  const store = new MemoryStore();
  const server = await startApiServer({ store, serviceClusterIPRange: '10.96.0.0/29,fd00:96::/112' });
  client = new RestClient({ server: server.url, ca: server.caCert, token: server.token }, { userAgent: 'test' });
  const ending = new AbortController();
  const options = { ...defaultOptions, controllers: ['service-cidr'] };
  const running = runControllers(client, { options, log: silentLogger, clock }, ending.signal);
  stop = async () => {
    ending.abort();
    await running;
    await client.close();
    await server.close();
    await store.close();
  };
});
afterAll(() => stop());

const at = (name: string) => ({ name, namespace: 'default' });
const create = (name: string, spec: Service['spec'] = {}): Promise<Service> =>
  client.create(services, { metadata: at(name), spec: { ports: [{ port: 80 }], ...spec } });
const range = (name: string, ...cidrs: string[]): Promise<ServiceCIDR> =>
  client.create(serviceCIDRs, { metadata: { name }, spec: { cidrs } });
const readiness = async (name: string): Promise<string | undefined> => {
  const condition = (await find(client, serviceCIDRs, { name }))?.status?.conditions?.[0];
  return condition && `${condition.status} ${condition.reason}`;
};
const isGone = (name: string) => async () => (await find(client, serviceCIDRs, { name })) === undefined;

describe('a ServiceCIDR', () => {
  it('is made of the flag, ready and guarded', async () => {
    const found = await eventually(async () => {
      const one = await client.get(serviceCIDRs, { name: 'kubernetes' });
      return one.metadata.finalizers?.includes(FINALIZER) && one;
    });
    expect(found.spec!.cidrs).toEqual(['10.96.0.0/29', 'fd00:96::/112']);
    expect(found.status!.conditions![0]).toMatchObject({ type: 'Ready', status: 'True' });
  });

  it('gives its addresses when the others are full, and cannot go while one is used', async () => {
    // The first range has six, of which one is the API server's.
    await Promise.all([1, 2, 3, 4, 5].map((i) => create(`full-${i}`)));
    await expect(create('one-too-many')).rejects.toThrow('failed to allocate a serviceIP: range is full');
    await range('more', '10.97.0.0/24');
    await eventually(async () => (await readiness('more')) === 'True ');
    const { spec } = await create('extra');
    expect(spec!.clusterIP).toMatch(/^10\.97\.0\.\d+$/);
    await client.delete(serviceCIDRs, { name: 'more' });
    await eventually(async () => (await readiness('more')) === 'False Terminating');
    await expect(create('late', { clusterIP: '10.97.0.7' })).rejects.toThrow('does not match the current range');
    await client.delete(services, at('extra'));
    await eventually(isGone('more'));
  });

  it('goes at once when another one has all its addresses', async () => {
    await range('small', '10.98.0.0/28');
    await create('inside', { clusterIP: '10.98.0.3' });
    await range('large', '10.98.0.0/24');
    await client.delete(serviceCIDRs, { name: 'small' });
    await eventually(isGone('small'));
    expect((await find(client, services, at('inside')))?.spec?.clusterIP).toBe('10.98.0.3');
  });

  it('of the flag comes back', async () => {
    const { uid } = (await client.get(serviceCIDRs, { name: 'kubernetes' })).metadata;
    await range('stand-in', '10.96.0.0/28', 'fd00:96::/64');
    await client.delete(serviceCIDRs, { name: 'kubernetes' });
    await eventually(async () => {
      const one = await find(client, serviceCIDRs, { name: 'kubernetes' });
      return one !== undefined && one.metadata.uid !== uid;
    });
  });
});

describe('addresses and Services', () => {
  const parentOf = async (name: string) => (await find(client, ipAddresses, { name }))?.spec?.parentRef?.name;
  const reasons = async (name: string) =>
    (await client.list(events, { fieldSelector: `involvedObject.name=${name}` })).items.map(({ reason }) => reason);

  it('keep together: what is lost comes back, and what leaked goes', async () => {
    const { spec } = await create('pair', { ipFamilies: ['IPv6'] });
    const address = spec!.clusterIP!;
    await client.delete(ipAddresses, { name: address });
    await eventually(async () => (await parentOf(address)) === 'pair');
    expect(await reasons('pair')).toEqual(['ClusterIPNotAllocated']);
    const labels = {
      'ipaddress.kubernetes.io/ip-family': 'IPv6',
      'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
    };
    const parentRef = { resource: 'services', namespace: 'default', name: 'nobody' };
    await client.create(ipAddresses, { metadata: { name: 'fd00:96::98', labels }, spec: { parentRef } });
    await eventually(async () => (await find(client, ipAddresses, { name: 'fd00:96::98' })) === undefined);
    expect(await reasons('fd00:96::98')).toEqual(['IPAddressNotAllocated']);
  });

  it('of others are left alone, and nobody gets them', async () => {
    const parentRef = { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'default', name: 'g' };
    await client.create(ipAddresses, { metadata: { name: 'fd00:96::97' }, spec: { parentRef } });
    const asked = create('taken', { ipFamilies: ['IPv6'], clusterIP: 'fd00:96::97' });
    await expect(asked).rejects.toThrow('failed to allocate IP fd00:96::97: provided IP is already allocated');
    expect(await parentOf('fd00:96::97')).toBe('g');
  });
});
