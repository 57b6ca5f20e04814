import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pod, Service } from '../../api/types/core.v1.ts';
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { endpointSlices, endpoints, pods, services } from '../../client/resources.ts';
import { runControllers } from '../../controllers/controllers.ts';
import { defaultOptions } from '../../controllers/options.ts';
import { silentLogger } from '../../host/log.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ maxEndpointsPerSlice: 2 });
});
afterAll(() => cluster.stop());

const pod = (name: string, app: string, nodeName: string): Pod => ({
  metadata: { name, namespace: cluster.namespace, labels: { app } },
  spec: { nodeName, containers: [{ name: 'c', image: 'echo', ports: [{ name: 'http', containerPort: 8080 }] }] },
});
const service = (name: string, spec: Service['spec'] = {}): Service => ({
  metadata: { name, namespace: cluster.namespace },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }], ...spec },
});
const slicesOf = async (name: string): Promise<EndpointSlice[]> =>
  (
    await cluster.client.list(endpointSlices, {
      namespace: cluster.namespace,
      labelSelector: `kubernetes.io/service-name=${name}`,
    })
  ).items;
const said = async (name: string): Promise<string[]> =>
  (await slicesOf(name))
    .flatMap((slice) =>
      (slice.endpoints ?? []).map(
        ({ addresses, conditions }) => `${addresses} ${slice.ports?.[0]?.port} ${conditions?.ready}`,
      ),
    )
    .sort();
const says = (name: string, wanted: string[]) => eventually(async () => (await said(name)).join() === wanted.join());

describe('slices and Endpoints', () => {
  it('follow pods as they become ready, unready, and go', async () => {
    await cluster.addNode('node-1');
    await cluster.client.create(services, service('web'));
    const [empty] = await eventually(async () => (await slicesOf('web')).length === 1 && slicesOf('web'));
    expect(empty).toMatchObject({
      endpoints: null,
      ports: null,
      metadata: {
        generateName: 'web-',
        labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
      },
    });
    for (const i of [1, 2, 3]) {
      await cluster.client.create(pods, pod(`web-${i}`, 'web', 'node-1'));
      await cluster.startPod(`web-${i}`, `10.244.1.${i}`);
    }
    await says('web', ['10.244.1.1 8080 true', '10.244.1.2 8080 true', '10.244.1.3 8080 true']);
    expect((await slicesOf('web')).map((slice) => slice.endpoints!.length).sort()).toEqual([1, 2]);
    await cluster.setReady('web-2', false);
    await says('web', ['10.244.1.1 8080 true', '10.244.1.2 8080 false', '10.244.1.3 8080 true']);
    const { subsets } = await eventually(async () => {
      const found = await find(cluster.client, endpoints, { name: 'web', namespace: cluster.namespace });
      return found?.subsets?.[0]?.notReadyAddresses && found;
    });
    expect(subsets![0].addresses!.map(({ ip }) => ip)).toEqual(['10.244.1.1', '10.244.1.3']);
    await cluster.client.delete(pods, { name: 'web-1', namespace: cluster.namespace }, { gracePeriodSeconds: 0 });
    await says('web', ['10.244.1.2 8080 false', '10.244.1.3 8080 true']);
  });

  it('are not written again when nothing they say has changed', async () => {
    const before = (await slicesOf('web')).map(({ metadata }) => metadata.resourceVersion);
    await cluster.client.patch(
      pods,
      { name: 'web-3', namespace: cluster.namespace },
      { metadata: { annotations: { a: 'b' } } },
    );
    await cluster.client.create(services, service('other'));
    await eventually(async () => (await slicesOf('other')).length === 1); // whatever the patch caused is done by now
    expect((await slicesOf('web')).map(({ metadata }) => metadata.resourceVersion)).toEqual(before);
  });

  it('are repaired when someone else changes them, and go with their Service', async () => {
    const [{ metadata }] = await slicesOf('web');
    await cluster.client.patch(endpointSlices, metadata, { endpoints: [] });
    await says('web', ['10.244.1.2 8080 false', '10.244.1.3 8080 true']);
    await cluster.client.delete(services, { name: 'web', namespace: cluster.namespace });
    await eventually(async () => (await slicesOf('web')).length === 0);
    await eventually(
      async () => (await find(cluster.client, endpoints, { name: 'web', namespace: cluster.namespace })) === undefined,
    );
  });

  it('mirror Endpoints that someone wrote for a Service without a selector', async () => {
    await cluster.client.create(services, service('legacy', { selector: undefined, ports: [{ port: 5432 }] }));
    await cluster.client.create(endpoints, {
      metadata: { name: 'legacy', namespace: cluster.namespace },
      subsets: [
        { addresses: [{ ip: '192.0.2.1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 5432 }] },
      ],
    });
    await says('legacy', ['192.0.2.1 5432 true', '192.0.2.2 5432 false']);
  });

  it('without a Service are left alone until controllers start, and leaders are recorded in some for ever', async () => {
    const { client, namespace } = cluster;
    const leader = { 'control-plane.alpha.kubernetes.io/leader': '{}' };
    await client.create(endpoints, { metadata: { name: 'alone', namespace } });
    await client.create(endpoints, { metadata: { name: 'leader', namespace, annotations: leader } });
    await client.create(services, service('later'));
    await eventually(async () => (await slicesOf('later')).length === 1);
    expect(await find(client, endpoints, { name: 'alone', namespace })).toBeDefined();
    const stop = new AbortController();
    const options = { ...defaultOptions, controllers: ['endpoints'] };
    const others = runControllers(client, { options, log: silentLogger }, stop.signal);
    await eventually(async () => (await find(client, endpoints, { name: 'alone', namespace })) === undefined);
    stop.abort();
    await others;
    expect(await find(client, endpoints, { name: 'leader', namespace })).toBeDefined();
  });
});
