import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../api/catalogue.ts';
import { bytesOf, fields } from '../../api/protobuf/wire.ts';
import { documentPaths, openapiV2, openapiV3 } from './openapi.ts';
import { openapiV2Protobuf } from './openapi-protobuf.ts';

interface Definition {
  description?: string;
  type?: string;
  properties?: Record<string, { description?: string }>;
}

const catalogue = new Catalogue();
const SERVICE_SPEC = 'io.k8s.api.core.v1.ServiceSpec';

describe('descriptions', () => {
  it('stand at definitions and fields of v3', () => {
    const { components } = openapiV3(catalogue, 'api/v1') as { components: { schemas: Record<string, Definition> } };
    const { description, properties } = components.schemas[SERVICE_SPEC];
    expect(description).toMatch(/^ServiceSpec describes the attributes/);
    expect(properties?.type.description).toMatch(/^type determines how the Service is exposed/);
  });

  it('stand at definitions and fields of v2', () => {
    const { definitions } = openapiV2(catalogue) as { definitions: Record<string, Definition> };
    expect(definitions[SERVICE_SPEC].properties?.type.description).toMatch(/^type determines/);
  });

  it('of events are each of its own group', () => {
    const { definitions } = openapiV2(catalogue) as { definitions: Record<string, Definition> };
    expect(definitions['io.k8s.api.core.v1.Event'].properties?.involvedObject).toBeDefined();
    expect(definitions['io.k8s.api.events.v1.Event'].properties?.note.description).toMatch(/^note is/);
  });
});

describe('operations', () => {
  type Operation = {
    operationId: string;
    parameters?: { name: string }[];
    responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>;
  };
  type Paths = Record<string, Record<string, Operation> & { parameters?: { name: string }[] }>;
  const pathsOf = (path: string): Paths => (openapiV3(catalogue, path) as { paths: Paths }).paths;
  const core = pathsOf('api/v1');
  const one = '/api/v1/namespaces/{namespace}/pods/{name}';

  // Recorded from kube-apiserver v1.36.3.
  it.each([
    ['get', '/api/v1/', 'getCoreV1APIResources'],
    ['get', '/api/v1/pods', 'listCoreV1PodForAllNamespaces'],
    ['post', '/api/v1/namespaces/{namespace}/pods', 'createCoreV1NamespacedPod'],
    ['delete', '/api/v1/namespaces/{namespace}/pods', 'deleteCoreV1CollectionNamespacedPod'],
    ['put', `${one}/ephemeralcontainers`, 'replaceCoreV1NamespacedPodEphemeralcontainers'],
    ['post', `${one}/exec`, 'connectCoreV1PostNamespacedPodExec'],
    ['head', `${one}/proxy/{path}`, 'connectCoreV1HeadNamespacedPodProxyWithPath'],
    ['get', '/api/v1/watch/namespaces/{namespace}/pods/{name}', 'watchCoreV1NamespacedPod'],
    ['get', '/api/v1/watch/pods', 'watchCoreV1PodListForAllNamespaces'],
    ['put', '/api/v1/namespaces/{name}/finalize', 'replaceCoreV1NamespaceFinalize'],
  ])('%s %s is %s', (method, path, id) => {
    expect(core[path][method].operationId).toBe(id);
  });

  it('say what they take, once where all of a path take it', () => {
    const { parameters, get, patch } = core[one];
    expect(parameters?.map(({ name }) => name)).toEqual(['name', 'namespace', 'pretty']);
    expect(get.parameters).toBeUndefined();
    expect(patch.parameters?.map(({ name }) => name)).toEqual(['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  });

  it('say what they answer', () => {
    const answer = ({ responses }: Operation): string | undefined =>
      responses[200].content?.['application/json'].schema.$ref?.split('/').at(-1);
    expect(answer(core[one].delete)).toBe('io.k8s.api.core.v1.Pod');
    expect(answer(core['/api/v1/pods'].get)).toBe('io.k8s.api.core.v1.PodList');
    expect(answer(core[`${one}/eviction`].post)).toBe('io.k8s.api.policy.v1.Eviction');
    expect(answer(core['/api/v1/nodes/{name}'].delete)).toBe('io.k8s.apimachinery.pkg.apis.meta.v1.Status');
    const storage = pathsOf('apis/storage.k8s.io/v1');
    const drivers = storage['/apis/storage.k8s.io/v1/csidrivers/{name}'];
    expect(answer(drivers.delete)).toBe('io.k8s.api.storage.v1.CSIDriver');
  });

  it('are as many as upstream’s, each with a name of its own', () => {
    const all = documentPaths(catalogue).flatMap((path) =>
      Object.values(pathsOf(path)).flatMap(({ parameters: _, ...operations }) => Object.values(operations)),
    );
    expect(all.length).toBe(814);
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(814);
  });
});

describe('the v2 document in protobuf', () => {
  const document = openapiV2(catalogue) as { swagger: string; paths: object; definitions: Record<string, Definition> };
  const message = openapiV2Protobuf(document);

  /** The values of one field of a message. */
  const get = (bytes: Buffer, number: number): Buffer[] =>
    [...fields(bytes)].filter(([found]) => found === number).map(([, value]) => bytesOf(value));
  const entries = (bytes: Buffer, number: number): Map<string, Buffer> =>
    new Map(get(bytes, number).map((entry) => [get(entry, 1)[0].toString(), get(entry, 2)[0]]));

  it('names every path and every definition', () => {
    expect(get(message, 1)[0].toString()).toBe(document.swagger);
    expect([...entries(get(message, 8)[0], 2).keys()]).toEqual(Object.keys(document.paths));
    expect([...entries(get(message, 9)[0], 1).keys()]).toEqual(Object.keys(document.definitions));
  });

  it('says of a field what the JSON says', () => {
    const spec = entries(get(message, 9)[0], 1).get(SERVICE_SPEC)!;
    const type = entries(get(spec, 25)[0], 1).get('type')!;
    expect(get(type, 4)[0].toString()).toBe(document.definitions[SERVICE_SPEC].properties?.type.description);
    expect(get(get(type, 22)[0], 1)[0].toString()).toBe('string');
  });

  it('says which kind an operation is about', () => {
    const path = entries(get(message, 8)[0], 2).get('/api/v1/namespaces/{namespace}/services/{name}')!;
    const about = entries(get(path, 8)[0], 13).get('x-kubernetes-group-version-kind')!;
    expect(JSON.parse(get(about, 2)[0].toString())).toEqual({ group: '', version: 'v1', kind: 'Service' });
  });
});
