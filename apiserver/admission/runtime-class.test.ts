import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Reply, startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ask('POST', '/api/v1/namespaces/default/serviceaccounts', { body: { metadata: { name: 'default' } } });
  const classes = '/apis/node.k8s.io/v1/runtimeclasses';
  await server.ask('POST', classes, { body: { metadata: { name: 'plain' }, handler: 'h' } });
  const overhead = { podFixed: { cpu: '250m', memory: '1Gi' } };
  const tolerations = [
    { key: 'k', operator: 'Exists', effect: 'NoSchedule' },
    { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 100 },
    { key: 'x', value: '1' },
  ];
  const scheduling = { nodeSelector: { a: 'b' }, tolerations };
  await server.ask('POST', classes, { body: { metadata: { name: 'costly' }, handler: 'h', overhead, scheduling } });
});
afterAll(() => server.close());

function post(spec: object): Promise<Reply> {
  const body = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } };
  return server.ask('POST', '/api/v1/namespaces/default/pods?dryRun=All', { body });
}

it.each([
  [{ runtimeClassName: 'none' }, 'RuntimeClass "none" not found'],
  [{ overhead: { cpu: '1' } }, 'Pod Overhead set without corresponding RuntimeClass defined Overhead'],
  [
    { runtimeClassName: 'plain', overhead: { cpu: '1' } },
    'Pod Overhead set without corresponding RuntimeClass defined Overhead',
  ],
  [
    { runtimeClassName: 'costly', overhead: { cpu: '1' } },
    "Pod's Overhead doesn't match RuntimeClass's defined Overhead",
  ],
])('a pod with %j is refused', async (spec, why) => {
  const { status, body } = await post(spec);
  expect([status, body.message]).toEqual([403, `pods "p" is forbidden: pod rejected: ${why}`]);
});

it('a pod elsewhere than its class runs is refused', async () => {
  const { body } = await post({ runtimeClassName: 'costly', nodeSelector: { a: 'c' } });
  expect(body.message).toMatch(
    /conflict: runtimeClass.scheduling.nodeSelector\[a\] = b; pod.spec.nodeSelector\[a\] = c$/,
  );
});

it('a pod gets what its class says, and keeps of its tolerations what no other covers', async () => {
  const tolerations = [
    { key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule' },
    { key: 'x', value: '1' },
  ];
  const overhead = { cpu: '0.25', memory: '1024Mi' };
  const { status, body } = await post({ runtimeClassName: 'costly', overhead, nodeSelector: { c: 'd' }, tolerations });
  expect(status).toBe(201);
  expect(body.spec.overhead).toEqual({ cpu: '250m', memory: '1Gi' });
  expect(body.spec.nodeSelector).toEqual({ a: 'b', c: 'd' });
  const told = body.spec.tolerations.map(({ key, operator }: Record<string, string>) => `${key} ${operator}`);
  const always = ['node.kubernetes.io/not-ready Exists', 'node.kubernetes.io/unreachable Exists'];
  expect(told).toEqual(['x undefined', ...always, 'k Exists', 'undefined Exists']);
});
