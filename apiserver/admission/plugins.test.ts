// What the cluster adds to new objects of several kinds. Plugins with more to say have tests of their own.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const finalizers = ['example.com/mine'];
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } };
const volume = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1' }, hostPath: { path: '/x' } };
const attributes = { driverName: 'd', parameters: { a: 'b' } };

it.each([
  ['/api/v1/namespaces/default/persistentvolumeclaims', { spec: claim }, 'kubernetes.io/pvc-protection'],
  ['/api/v1/persistentvolumes', { spec: volume }, 'kubernetes.io/pv-protection'],
  ['/apis/storage.k8s.io/v1/volumeattributesclasses', attributes, 'kubernetes.io/vac-protection'],
])('%s: what may be in use is kept', async (path, object, finalizer) => {
  const { body } = await server.ask('POST', path, { body: { metadata: { name: 'p', finalizers }, ...object } });
  expect(body.metadata.finalizers).toEqual([...finalizers, finalizer]);
  const { body: freed } = await server.ask('PUT', `${path}/p`, { body: { ...body, metadata: { name: 'p' } } });
  expect(freed.metadata.finalizers).toBeUndefined();
});

it.each([
  [undefined, ['node.kubernetes.io/not-ready:NoSchedule']],
  [[{ key: 'a', effect: 'NoExecute' }], ['a:NoExecute', 'node.kubernetes.io/not-ready:NoSchedule']],
  [[{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }], ['node.kubernetes.io/not-ready:NoSchedule']],
])('a new node with the taints %j waits for its conditions', async (taints, expected) => {
  const { body } = await server.ask('POST', '/api/v1/nodes?dryRun=All', {
    body: { metadata: { name: 'n' }, spec: { taints } },
  });
  const told = body.spec.taints.map(({ key, effect }: Record<string, string>) => `${key}:${effect}`);
  expect(told).toEqual(expected);
});
