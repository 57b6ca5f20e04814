import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server.harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const spec = { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: POD } };
  await server.ask('POST', `${APPS}/deployments`, {
    body: { metadata: { name: 'd' }, spec: { replicas: 2, ...spec } },
  });
  await server.ask('POST', `${CORE}/serviceaccounts`, { body: { metadata: { name: 'default' } } });
  await server.ask('POST', `${CORE}/pods`, { body: { metadata: { name: 'p' }, spec: POD } });
});
afterAll(() => server.close());

const CORE = '/api/v1/namespaces/default';
const APPS = '/apis/apps/v1/namespaces/default';
const POD = { containers: [{ name: 'c', image: 'i' }] };
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const METADATA = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const review = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } };
const binding = { metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } };

it.each([
  ['POST', REVIEW, review, 406, 'PartialObjectMetadata'],
  ['POST', `${CORE}/serviceaccounts/default/token`, { spec: {} }, 406, 'PartialObjectMetadata'],
  ['POST', `${CORE}/pods/p/binding?dryRun=All`, binding, 406, 'Status'],
  ['POST', `${CORE}/bindings?dryRun=All`, binding, 406, 'Status'],
  ['GET', `${CORE}/pods/p/ephemeralcontainers`, undefined, 406, 'PartialObjectMetadata'],
  ['GET', `${CORE}/pods/p/status`, undefined, 200, 'PartialObjectMetadata'],
  ['GET', `${APPS}/deployments/d/scale`, undefined, 200, 'PartialObjectMetadata'],
])('%s %s', async (method, path, body, asTable, asMetadata) => {
  const table = await server.ask(method, path, { body, headers: { accept: TABLE } });
  expect(table.status).toBe(asTable);
  expect(table.body.kind).toBe(asTable === 200 ? 'Table' : 'Status');
  const either = await server.ask(method, path, { body, headers: { accept: `${TABLE},application/json` } });
  expect(either.status).toBeLessThan(300);
  expect((await server.ask(method, path, { body, headers: { accept: METADATA } })).body.kind).toBe(asMetadata);
});

it('shows a scale with what is wanted and what is there', async () => {
  const { body } = await server.ask('GET', `${APPS}/deployments/d/scale`, { headers: { accept: TABLE } });
  expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual([
    'Name',
    'Desired',
    'Available',
    'Age',
  ]);
  expect(body.rows[0].cells.slice(0, 3)).toEqual(['d', 2, 0]);
});

const nodeInfo = { kernelVersion: '6.1', architecture: 'amd64' };
const source = { persistentVolumeName: 'v' };
const claim = {
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } }, volumeName: 'v' },
};

it.each([
  ['/api/v1/nodes', { status: { nodeInfo } }, 8, ['6.1 (amd64)']],
  [`${CORE}/persistentvolumeclaims`, claim, 1, ['Pending', 'v', '0']],
  ['/apis/storage.k8s.io/v1/csidrivers', { spec: {} }, 1, [true, false, false, '<unset>', false, 'Persistent']],
  ['/apis/storage.k8s.io/v1/csinodes', { spec: { drivers: [{ name: 'd', nodeID: 'n' }] } }, 1, [1]],
  [
    '/apis/storage.k8s.io/v1/volumeattachments',
    { spec: { attacher: 'd', nodeName: 'n', source } },
    1,
    ['d', 'v', 'n', false],
  ],
])('%s: what a row of its own tells', async (path, object, from, cells) => {
  const { body } = await server.ask('POST', `${path}?dryRun=All`, {
    body: { metadata: { name: 'shown' }, ...object },
    headers: { accept: TABLE },
  });
  expect(body.rows[0].cells.slice(from, from + cells.length)).toEqual(cells);
});

// As kube-apiserver v1.36.3 shows them.
it('shows what the server has of its own accord', async () => {
  const rows = async (path: string): Promise<unknown[][]> => {
    const { body } = await server.ask('GET', `/apis/${path}`, { headers: { accept: TABLE } });
    return body.rows.map(({ cells }: { cells: unknown[] }) => cells);
  };
  const flows = await rows('flowcontrol.apiserver.k8s.io/v1/flowschemas');
  expect(flows.map(([name]) => name).slice(0, 3)).toEqual(['exempt', 'probes', 'system-leader-election']);
  expect(flows[0].with(4, '')).toEqual(['exempt', 'exempt', 1, '<none>', '', 'False']);
  const levels = await rows('flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations');
  expect(levels.map((cells) => cells.slice(0, 6))).toContainEqual(['system', 'Limited', 30, 64, 6, 50]);
  expect(levels.map((cells) => cells.slice(0, 6))).toContainEqual([
    'exempt',
    'Exempt',
    '<none>',
    '<none>',
    '<none>',
    '<none>',
  ]);
  const services = await rows('apiregistration.k8s.io/v1/apiservices');
  expect(services.map((cells) => cells.slice(0, 3))).toContainEqual(['v1.apps', 'Local', 'True']);
  expect(services.length).toBe(21);
});
