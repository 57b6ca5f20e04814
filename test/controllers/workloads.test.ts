import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../api/types/apps.v1.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core.v1.ts';
import {
  configMaps,
  deployments,
  events,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  volumeAttributesClasses,
} from '../../client/resources.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
  for (const name of ['node-1', 'node-2', 'node-3']) await cluster.addNode(name);
});
afterAll(() => cluster.stop());

const deployment = (name: string, replicas: number, image = 'echo'): Deployment => ({
  metadata: { name, namespace: cluster.namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { name: '', labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } },
  },
});
const podsOf = async (app: string): Promise<Pod[]> =>
  (await cluster.client.list(pods, { namespace: cluster.namespace, labelSelector: `app=${app}` })).items;
const setsOf = async (app: string): Promise<ReplicaSet[]> =>
  (await cluster.client.list(replicaSets, { namespace: cluster.namespace, labelSelector: `app=${app}` })).items;

/** Says that every bound pod of `app` runs. */
async function runAll(app: string, last: number): Promise<void> {
  for (const [i, { metadata, status }] of (await podsOf(app)).entries()) {
    if (status?.phase !== 'Running') await cluster.startPod(metadata.name, `10.244.9.${last + i}`);
  }
}

describe('nodes', () => {
  it('get the pod CIDR of their number, others the first free one', async () => {
    const cidr = (name: string) => async () => (await find(cluster.client, nodes, { name }))?.spec?.podCIDR;
    expect(await eventually(cidr('node-1'))).toBe('10.244.1.0/24');
    expect(await eventually(cidr('node-3'))).toBe('10.244.3.0/24');
    await cluster.client.create(nodes, { metadata: { name: 'stranger' } });
    expect(await eventually(cidr('stranger'))).toBe('10.244.0.0/24');
    await cluster.client.delete(nodes, { name: 'stranger' });
  });
});

describe('deployments', () => {
  it('spread their pods over the nodes, and become available', async () => {
    await cluster.client.create(deployments, deployment('web', 6));
    const bound = await eventually(async () => {
      const found = await podsOf('web');
      return found.length === 6 && found.every(({ spec }) => spec?.nodeName) && found;
    });
    expect(bound.map(({ spec }) => spec!.nodeName).sort()).toEqual([
      'node-1',
      'node-1',
      'node-2',
      'node-2',
      'node-3',
      'node-3',
    ]);
    await runAll('web', 10);
    const { status } = await eventually(async () => {
      const found = await find(cluster.client, deployments, { name: 'web', namespace: cluster.namespace });
      return found?.status?.availableReplicas === 6 && found;
    });
    expect(status).toMatchObject({ replicas: 6, updatedReplicas: 6, readyReplicas: 6 });
    expect(status!.conditions!.map(({ type, status: state, reason }) => `${type} ${state} ${reason}`).sort()).toEqual([
      'Available True MinimumReplicasAvailable',
      'Progressing True NewReplicaSetAvailable',
    ]);
  });

  it('replace a pod that was deleted, and no more than that', async () => {
    const [doomed] = await podsOf('web');
    await cluster.client.delete(pods, doomed.metadata, { gracePeriodSeconds: 0 });
    const after = await eventually(async () => {
      const found = await podsOf('web');
      return found.length === 6 && found.every(({ metadata }) => metadata.uid !== doomed.metadata.uid) && found;
    });
    expect(after).toHaveLength(6);
    await runAll('web', 20);
  });

  it('roll a new template out within maxSurge and maxUnavailable, and keep the old revision', async () => {
    const at = { name: 'web', namespace: cluster.namespace };
    const patch = { spec: { template: { spec: { containers: [{ name: 'c', image: 'echo:2' }] } } } };
    await cluster.client.patch(deployments, at, patch, { type: 'strategic' });
    let most = 0;
    let ip = 100;
    await eventually(async () => {
      const all = await podsOf('web');
      most = Math.max(most, all.filter(({ metadata }) => !metadata.deletionTimestamp).length);
      for (const { metadata, spec, status } of all) {
        if (metadata.deletionTimestamp)
          await cluster.client.delete(pods, metadata, { gracePeriodSeconds: 0 }).catch(() => {});
        else if (spec?.nodeName && status?.phase !== 'Running')
          await cluster.startPod(metadata.name, `10.244.9.${ip++}`).catch(() => {});
      }
      return all.length === 6 && all.every(({ spec }) => spec!.containers[0].image === 'echo:2');
    });
    expect(most).toBeLessThanOrEqual(8);
    expect(
      (await setsOf('web'))
        .map(({ spec, metadata }) => [metadata.annotations!['deployment.kubernetes.io/revision'], spec!.replicas])
        .sort(),
    ).toEqual([
      ['1', 0],
      ['2', 6],
    ]);
  });

  it('take everything with them when deleted', async () => {
    await cluster.client.delete(deployments, { name: 'web', namespace: cluster.namespace });
    await eventually(async () => {
      for (const { metadata } of await podsOf('web')) {
        if (metadata.deletionTimestamp)
          await cluster.client.delete(pods, metadata, { gracePeriodSeconds: 0 }).catch(() => {});
      }
      return (await podsOf('web')).length === 0 && (await setsOf('web')).length === 0;
    });
  });
});

describe('the scheduler', () => {
  it('says why a pod fits nowhere, and binds it once a node suits', async () => {
    const picky: Pod = {
      metadata: { name: 'picky', namespace: cluster.namespace },
      spec: { containers: [{ name: 'c', image: 'echo' }], nodeSelector: { disk: 'fast' } },
    };
    await cluster.client.create(pods, picky);
    const look = async () => (await find(cluster.client, pods, picky.metadata))!;
    const condition = await eventually(async () =>
      (await look()).status?.conditions?.find(({ type }) => type === 'PodScheduled'),
    );
    expect(condition.message).toBe(
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
    );
    await cluster.client.patch(nodes, { name: 'node-2' }, { metadata: { labels: { disk: 'fast' } } });
    expect(await eventually(async () => (await look()).spec?.nodeName)).toBe('node-2');
    const said = await eventually(async () => {
      const { items } = await cluster.client.list(events, {
        namespace: cluster.namespace,
        fieldSelector: 'involvedObject.name=picky',
      });
      return (
        items.some(({ reason }) => reason === 'Scheduled') &&
        items.map(({ reason, message }) => `${reason}: ${message}`)
      );
    });
    expect(said).toContain('Scheduled: Successfully assigned default/picky to node-2');
  });
});

describe('namespaces', () => {
  it('get their ServiceAccount and root CA, and are emptied before they go', async () => {
    const name = 'short-lived';
    await cluster.client.create(namespaces, { metadata: { name } });
    await eventually(async () => find(cluster.client, serviceAccounts, { name: 'default', namespace: name }));
    await eventually(async () => find(cluster.client, configMaps, { name: 'kube-root-ca.crt', namespace: name }));
    await cluster.client.create(configMaps, { metadata: { name: 'mine', namespace: name } });
    await cluster.client.delete(namespaces, { name });
    await eventually(async () => (await find(cluster.client, namespaces, { name })) === undefined);
    expect((await cluster.client.list(configMaps, { namespace: name })).items).toEqual([]);
  });

  it('keep all else until their pods have ended', async () => {
    const { client } = cluster;
    const [name, namespace] = ['needed', 'lingering'];
    await client.create(namespaces, { metadata: { name: namespace } });
    await eventually(async () => find(client, serviceAccounts, { name: 'default', namespace }));
    await client.create(configMaps, { metadata: { name, namespace } });
    const spec = { containers: [{ name: 'c', image: 'echo' }], schedulerName: 'none' };
    await client.create(pods, { metadata: { name, namespace, finalizers: ['example.org/hold'] }, spec });
    await client.delete(namespaces, { name: namespace });
    await eventually(async () => (await find(client, pods, { name, namespace }))?.metadata.deletionTimestamp);
    const held = await eventually(async () =>
      (await find(client, namespaces, { name: namespace }))?.status?.conditions?.find(
        ({ type, status }) => type === 'NamespaceContentRemaining' && status === 'True',
      ),
    );
    expect(held.message).toBe('Some resources are remaining: pods. has 1 resource instances');
    expect(await find(client, configMaps, { name, namespace })).toBeDefined();
    await client.patch(pods, { name, namespace }, { metadata: { finalizers: null } });
    await eventually(async () => (await find(client, namespaces, { name: namespace })) === undefined);
  });
});

describe('the garbage collector', () => {
  const map = (name: string, owner?: { name: string; uid: string }, block = true) => ({
    metadata: {
      name,
      namespace: cluster.namespace,
      ...(owner && { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', blockOwnerDeletion: block, ...owner }] }),
    },
  });
  const exists = (name: string) => find(cluster.client, configMaps, { name, namespace: cluster.namespace });

  it('deletes what lost its owner, and what never had the one it names', async () => {
    const root = await cluster.client.create(configMaps, map('root'));
    await cluster.client.create(configMaps, map('child', { name: 'root', uid: root.metadata.uid! }));
    await cluster.client.create(configMaps, map('lost', { name: 'root', uid: '11111111-2222-3333-4444-555555555555' }));
    await eventually(async () => (await exists('lost')) === undefined);
    expect(await exists('child')).toBeDefined();
    await cluster.client.delete(configMaps, root.metadata);
    await eventually(async () => (await exists('child')) === undefined);
  });

  it('asks nobody about what changes while its owner is there', async () => {
    const root = await cluster.client.create(configMaps, map('kept'));
    const { metadata } = await cluster.client.create(
      configMaps,
      map('owned', { name: 'kept', uid: root.metadata.uid! }),
    );
    for (let n = 0; n < 10; n++) await cluster.client.patch(configMaps, metadata, { data: { n: String(n) } });
    // One watch tells of both, so that what came before has been looked at by now.
    await cluster.client.create(
      configMaps,
      map('stray', { name: 'kept', uid: '11111111-2222-3333-4444-555555555555' }),
    );
    await eventually(async () => (await exists('stray')) === undefined);
    expect(cluster.asked).toContain('stray');
    expect(cluster.asked).not.toContain('owned');
  });

  it('holds a foreground-deleted owner until its dependents are gone', async () => {
    const root = await cluster.client.create(configMaps, map('root'));
    const child = map('child', { name: 'root', uid: root.metadata.uid! });
    await cluster.client.create(configMaps, { metadata: { ...child.metadata, finalizers: ['example.org/hold'] } });
    await cluster.client.delete(configMaps, root.metadata, { propagationPolicy: 'Foreground' });
    await eventually(async () => (await exists('child'))?.metadata.deletionTimestamp !== undefined);
    expect((await exists('root'))?.metadata.finalizers).toEqual(['foregroundDeletion']);
    await cluster.client.patch(configMaps, child.metadata, { metadata: { finalizers: null } });
    await eventually(async () => (await exists('root')) === undefined);
  });

  it('breaks a circle of owners that all wait for each other', async () => {
    const { client, namespace } = cluster;
    const names = ['north', 'south', 'west'];
    const made = await Promise.all(names.map((name) => client.create(configMaps, { metadata: { name, namespace } })));
    for (const [i, { metadata }] of made.entries()) {
      const { name, uid } = made[(i + 2) % 3].metadata;
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true };
      await client.patch(configMaps, metadata, { metadata: { ownerReferences: [owner] } });
    }
    await client.delete(configMaps, made[0].metadata, { propagationPolicy: 'Foreground' });
    await eventually(async () => {
      const found = await Promise.all(made.map(({ metadata }) => find(client, configMaps, metadata)));
      return found.every((one) => one === undefined);
    });
  });

  it('lets dependents go when the owner is deleted with orphans', async () => {
    const root = await cluster.client.create(configMaps, map('root'));
    await cluster.client.create(configMaps, map('child', { name: 'root', uid: root.metadata.uid! }));
    await cluster.client.delete(configMaps, root.metadata, { propagationPolicy: 'Orphan' });
    await eventually(async () => (await exists('root')) === undefined);
    expect((await exists('child'))?.metadata.ownerReferences).toBeUndefined();
  });
});

it('a VolumeAttributesClass goes when the last claim that has it is gone', async () => {
  const { client, namespace } = cluster;
  const name = 'fast';
  await client.create(volumeAttributesClasses, { metadata: { name }, driverName: 'd', parameters: { a: 'b' } });
  const spec = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    volumeAttributesClassName: name,
  };
  await client.create(persistentVolumeClaims, { metadata: { name, namespace }, spec } as PersistentVolumeClaim);
  await client.create(persistentVolumeClaims, {
    metadata: { name: 'other', namespace },
    spec: { ...spec, volumeAttributesClassName: 'other' },
  } as PersistentVolumeClaim);
  await client.delete(volumeAttributesClasses, { name });
  await client.delete(persistentVolumeClaims, { name: 'other', namespace });
  expect((await find(client, volumeAttributesClasses, { name }))?.metadata.deletionTimestamp).toBeDefined();
  await client.delete(persistentVolumeClaims, { name, namespace });
  await eventually(async () => (await find(client, volumeAttributesClasses, { name })) === undefined);
});

it('a claim goes when no pod on a node has it any more', async () => {
  const { client, namespace } = cluster;
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const at = { name: 'kept', namespace };
  await client.create(persistentVolumeClaims, { metadata: at, spec } as PersistentVolumeClaim);
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'kept' } }];
  const containers = [{ name: 'main', image: 'i' }];
  const user = { name: 'has-claim', namespace };
  await client.create(pods, { metadata: user, spec: { nodeName: 'node-1', volumes, containers } } as Pod);
  const waiting = { name: 'wants-claim', namespace };
  await client.create(pods, { metadata: waiting, spec: { volumes, containers, schedulerName: 'nobody' } } as Pod);
  await client.delete(persistentVolumeClaims, at);
  // Asked for again, so that the first look is over and done.
  await client.patch(persistentVolumeClaims, at, { metadata: { labels: { again: 'yes' } } });
  await client.delete(pods, waiting, { gracePeriodSeconds: 0 });
  expect((await find(client, persistentVolumeClaims, at))?.metadata.deletionTimestamp).toBeDefined();
  await client.delete(pods, user, { gracePeriodSeconds: 0 });
  await eventually(async () => (await find(client, persistentVolumeClaims, at)) === undefined);
});

it('a volume goes when it is not bound any more, and one without its finalizer gets it', async () => {
  const { client } = cluster;
  const at = { name: 'bound' };
  const spec = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' } };
  await client.create(persistentVolumes, { metadata: at, spec } as PersistentVolume);
  await client.patch(persistentVolumes, at, { metadata: { finalizers: null } });
  await eventually(async () => (await client.get(persistentVolumes, at)).metadata.finalizers?.length === 1);
  await client.patch(persistentVolumes, at, { status: { phase: 'Bound' } }, { subresource: 'status' });
  await client.delete(persistentVolumes, at);
  expect((await find(client, persistentVolumes, at))?.metadata.deletionTimestamp).toBeDefined();
  await client.patch(persistentVolumes, at, { status: { phase: 'Released' } }, { subresource: 'status' });
  await eventually(async () => (await find(client, persistentVolumes, at)) === undefined);
});

it('a ReplicationController has as many pods as it asks for, and says so', async () => {
  const { client, namespace } = cluster;
  const at = { name: 'old-way', namespace };
  const labels = { app: 'old-way' };
  const template = { metadata: { name: '', labels }, spec: { containers: [{ name: 'c', image: 'echo' }] } };
  await client.create(replicationControllers, { metadata: at, spec: { replicas: 3, template } });
  const counts = async (): Promise<number | undefined> =>
    (await client.get(replicationControllers, at)).status?.replicas;
  await eventually(async () => (await counts()) === 3);
  await client.patch(replicationControllers, at, { spec: { replicas: 1 } });
  await eventually(async () => (await counts()) === 1);
  const { items } = await client.list(pods, { namespace, labelSelector: 'app=old-way' });
  const left = items.filter(({ metadata }) => !metadata.deletionTimestamp);
  expect(left.map(({ metadata }) => metadata.ownerReferences?.[0].kind)).toEqual(['ReplicationController']);
});
