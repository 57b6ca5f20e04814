// What upstream refuses and what it takes, where the two are easily confused: found by posting upstream's own sample objects to both.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const CORE = '/api/v1/namespaces/default';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const about = { involvedObject: { kind: 'Pod', name: 'a', namespace: 'elsewhere' } };
const reported = { eventTime: '2024-05-01T10:00:00.000000Z', reportingComponent: 'a', reportingInstance: 'b' };

it.each([
  ['a lease nobody holds', LEASES, { metadata: { name: 'a' }, spec: { holderIdentity: '' } }, 201, []],
  ['a lease with fields that are off', LEASES, { metadata: { name: 'b' }, spec: { strategy: 'x' } }, 201, []],
  ['a version that cannot be one', `${CORE}/configmaps`, { metadata: { name: 'a', resourceVersion: 'x' } }, 201, []],
  ['a version', `${CORE}/configmaps`, { metadata: { name: 'b', resourceVersion: '5' } }, 500, []],
  [
    'a version and a bad name',
    `${CORE}/configmaps`,
    { metadata: { name: 'B', resourceVersion: '5' } },
    422,
    ['metadata.name'],
  ],
  ['a namespace where there is none', '/api/v1/nodes', { metadata: { name: 'a', namespace: 'default' } }, 201, []],
  [
    'an old event of elsewhere',
    `${CORE}/events`,
    { metadata: { name: 'a' }, ...about },
    422,
    ['involvedObject.namespace'],
  ],
  [
    'a new event of elsewhere',
    `${CORE}/events`,
    { metadata: { name: 'b' }, ...about, ...reported, action: 'c', reason: 'd' },
    201,
    [],
  ],
  [
    'a new event that says little',
    `${CORE}/events`,
    { metadata: { name: 'c' }, ...about, ...reported },
    422,
    ['action', 'reason'],
  ],
  [
    'a node port without an address',
    `${CORE}/services`,
    { metadata: { name: 'a' }, spec: { type: 'NodePort', clusterIP: 'None', ports: [{ port: 80 }] } },
    422,
    ['spec.clusterIPs[0]'],
  ],
  ['a list', `${CORE}/configmaps`, [], 400, []],
  ['a version that has two slashes', `${CORE}/configmaps`, { apiVersion: 'a/b/c' }, 400, []],
  [
    'a taint that does nothing known',
    '/api/v1/nodes',
    { metadata: { name: 'b' }, spec: { taints: [{ key: 'a', effect: 'x' }] } },
    422,
    ['metadata.taints[0].effect'],
  ],
  [
    'a selector that cannot be read',
    '/apis/apps/v1/namespaces/default/deployments',
    {
      metadata: { name: 'a' },
      spec: { selector: { matchExpressions: [{ key: 'a', operator: 'x' }] }, template: { spec: { containers: [] } } },
    },
    422,
    ['spec.selector.matchExpressions[0].operator', 'spec.selector'],
  ],
])('%s', async (_what, path, body, status, fields) => {
  const reply = await server.ask('POST', path, { body });
  expect(reply.status, JSON.stringify(reply.body)).toBe(status);
  expect((reply.body.details?.causes ?? []).map(({ field }: { field: string }) => field)).toEqual(fields);
});

it('looks into the first handler of a probe, and into no probe that may not be there', async () => {
  const livenessProbe = { exec: {}, httpGet: { port: 0 } };
  const init = { name: 'b', image: 'b', livenessProbe };
  const spec = { containers: [{ name: 'a', image: 'a', livenessProbe }], initContainers: [init] };
  const { body } = await server.ask('POST', `${CORE}/podtemplates`, {
    body: { metadata: { name: 'a' }, template: { metadata: { labels: { a: 'b' } }, spec } },
  });
  expect(body.details.causes.map(({ field }: { field: string }) => field)).toEqual([
    'template.spec.containers[0].livenessProbe.exec.command',
    'template.spec.containers[0].livenessProbe.httpGet',
    'template.spec.initContainers[0].livenessProbe',
  ]);
});
