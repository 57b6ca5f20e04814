import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endpointSlices, nodes, pods, services } from '../../client/resources.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({ nodeMonitorGracePeriodMs: 1_500 });
});
afterAll(() => cluster.stop());

const readiness = async (): Promise<string> => {
  const { items } = await cluster.client.list(endpointSlices, {
    namespace: cluster.namespace,
    labelSelector: 'kubernetes.io/service-name=app',
  });
  return items.flatMap(({ endpoints }) => (endpoints ?? []).map(({ conditions }) => conditions?.ready)).join();
};

describe('a node that falls silent', () => {
  it('turns Unknown, is tainted, its pods leave the slices, and all heals when it speaks again', async () => {
    await cluster.addNode('node-2');
    await cluster.client.create(services, {
      metadata: { name: 'app', namespace: cluster.namespace },
      spec: { selector: { app: 'app' }, ports: [{ port: 80 }] },
    });
    await cluster.client.create(pods, {
      metadata: { name: 'app-1', namespace: cluster.namespace, labels: { app: 'app' } },
      spec: { nodeName: 'node-2', containers: [{ name: 'c', image: 'echo' }] },
    });
    await cluster.startPod('app-1', '10.244.2.1');
    await eventually(async () => {
      await cluster.heartbeat('node-2');
      return (await readiness()) === 'true';
    });
    await eventually(async () => (await readiness()) === 'false');
    const node = await cluster.client.get(nodes, { name: 'node-2' });
    expect(node.status!.conditions!.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
    const taints = await eventually(async () => (await find(cluster.client, nodes, { name: 'node-2' }))?.spec?.taints);
    expect(taints.map(({ key, effect }) => `${key}:${effect}`).sort()).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    const beat = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: new Date().toISOString() };
    await cluster.client.patch(
      nodes,
      { name: 'node-2' },
      { status: { conditions: [beat] } },
      { type: 'strategic', subresource: 'status' },
    );
    await eventually(async () => (await find(cluster.client, nodes, { name: 'node-2' }))?.spec?.taints === undefined);
  });
});
