import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod, Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { Catalog } from './catalog.ts';

let changes = 0;
let catalog: Catalog;

beforeEach(() => {
  changes = 0;
  catalog = new Catalog('verified', () => {
    changes += 1;
  });
});

function service(name: string, clusterIP: string): Service {
  return { metadata: { name, namespace: 'shop' }, spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80 }] } };
}

function slice(name: string, of: string, ...addresses: string[]): EndpointSlice {
  const metadata = { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': of } };
  return { metadata, addressType: 'IPv4', endpoints: addresses.map((address) => ({ addresses: [address] })) };
}

function pod(name: string, ip: string, more: Partial<Pod['metadata']> = {}): Pod {
  return { metadata: { name, namespace: 'shop', ...more }, status: { podIPs: [{ ip }] } };
}

const endpointsOf = (name: string): string[] =>
  [...catalog.slices.ofService('shop', name)].flatMap(({ endpoints }) => endpoints.map(({ label }) => label));

describe('the catalog', () => {
  it('knows when it has heard of everything', async () => {
    catalog.services.replace([]);
    catalog.slices.replace([]);
    catalog.namespaces.replace([]);
    expect(catalog.isFilled).toBe(false);
    catalog.pods.replace([]);
    expect(catalog.isFilled).toBe(true);
    await catalog.filled();
  });

  it('counts as a change only what names are made of', () => {
    catalog.services.put(service('web', '10.96.0.20'));
    catalog.services.put({ ...service('web', '10.96.0.20'), status: { loadBalancer: {} } });
    expect(changes).toBe(1);
    catalog.services.put(service('web', '10.96.0.21'));
    expect(changes).toBe(2);
  });

  it('forgets what a list no longer has', () => {
    catalog.services.replace([service('web', '10.96.0.20'), service('api', '10.96.0.21')]);
    catalog.services.replace([service('api', '10.96.0.21')]);
    expect(catalog.services.row('shop/web')).toBeUndefined();
    expect(catalog.services.byClusterIP('10.96.0.20')).toBeUndefined();
    expect(catalog.services.byClusterIP('10.96.0.21')).toMatchObject({ name: 'api' });
  });

  it('keeps a cluster IP that another Service has taken over', () => {
    catalog.services.put(service('old', '10.96.0.20'));
    catalog.services.put(service('new', '10.96.0.20'));
    catalog.services.remove(service('old', '10.96.0.20'));
    expect(catalog.services.byClusterIP('10.96.0.20')).toMatchObject({ name: 'new' });
  });

  it('moves a slice to the Service that its label names', () => {
    catalog.slices.put(slice('one', 'web', '10.244.1.5', 'fd00::'));
    expect(endpointsOf('web')).toEqual(['10-244-1-5', 'fd00--0']);
    catalog.slices.put(slice('one', 'api', '10.244.1.6'));
    expect([endpointsOf('web'), endpointsOf('api')]).toEqual([[], ['10-244-1-6']]);
    expect([...catalog.slices.byAddress('10.244.1.5')]).toEqual([]);
    catalog.slices.remove(slice('one', 'api'));
    expect([...catalog.slices.byAddress('10.244.1.6')]).toEqual([]);
  });

  it('knows an address until the last pod that has it is gone', () => {
    catalog.pods.put(pod('a', '192.168.1.10'));
    catalog.pods.put(pod('b', '192.168.1.10'));
    catalog.pods.remove(pod('a', '192.168.1.10'));
    expect(catalog.pods.has('shop', '192.168.1.10')).toBe(true);
    catalog.pods.put(pod('b', '192.168.1.10', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(catalog.pods.has('shop', '192.168.1.10')).toBe(false);
  });
});
