// OpenAPI v2 and v3 documents, from the same definitions that validate; loaded and built when first asked for.
import type { Catalogue } from '../../api/catalogue.ts';
import definitions from '../../api/facts/openapi-schemas.json' with { type: 'json' };
import type { Kind, Verb } from '../../api/kind.ts';
import { apiVersionOf } from '../../api/object.ts';
import { hashOf } from '../http/entity-tags.ts';
import { VERSION } from '../version.ts';
import { described } from './descriptions.ts';

type Json = { [field: string]: unknown };

const V3 = '#/components/schemas/';
const V2 = '#/definitions/';

/** `/openapi/v3`: where each group's document is; the hash changes when the document does. */
export function openapiV3Index(catalogue: Catalogue): object {
  const paths: Json = {};
  for (const path of groupPaths(catalogue)) {
    const hash = hashOf(JSON.stringify(openapiV3(catalogue, path)));
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
}

/** `path`: `api/v1` or `apis/GROUP/VERSION`. */
export function openapiV3(catalogue: Catalogue, path: string): object | undefined {
  const kinds = documentedKinds(catalogue).filter((kind) => rootOf(kind) === path);
  if (kinds.length === 0) return undefined;
  const paths = Object.assign({}, ...kinds.map((kind) => pathsOf(kind, 'v3'))) as Json;
  const schemas: Json = {};
  for (const name of namesIn(paths)) collect(name, schemas);
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: VERSION.gitVersion },
    paths,
    components: { schemas },
  };
}

/** `/openapi/v2`: everything in one document. */
export function openapiV2(catalogue: Catalogue): object {
  const paths = Object.assign({}, ...documentedKinds(catalogue).map((kind) => pathsOf(kind, 'v2'))) as Json;
  const all = Object.entries(definitions as Json).map(([name, one]) => [name, described(name, one as Json)]);
  const text = JSON.stringify(Object.fromEntries(all)).replaceAll(V3, V2);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: VERSION.gitVersion },
    paths,
    definitions: flattenRefs(JSON.parse(text)),
  };
}

/** Swagger 2.0 has neither `allOf` beside a default nor `oneOf`: the reference and the plain type say enough. */
function flattenRefs(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(flattenRefs);
  if (typeof node !== 'object' || node === null) return node;
  const { allOf, oneOf, ...rest } = node as Json & { allOf?: Json[]; oneOf?: Json[] };
  const flat = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, flattenRefs(value)]));
  if (allOf?.length === 1) return { ...flat, ...allOf[0] };
  return oneOf ? { ...flat, type: 'string' } : flat;
}

function groupPaths(catalogue: Catalogue): string[] {
  return [...new Set(documentedKinds(catalogue).map(rootOf))];
}

/** A kind that no definition describes has no document: that of metrics, as long as nobody writes one. */
function documentedKinds(catalogue: Catalogue): Kind[] {
  return catalogue.kinds().filter(({ schema }) => schema.definition !== undefined);
}

function rootOf({ group, version }: Kind): string {
  return `${group ? 'apis' : 'api'}/${apiVersionOf(group, version)}`;
}

const ACTIONS: Readonly<Record<Verb, readonly [method: string, action: string, onObject: boolean]>> = {
  create: ['post', 'post', false],
  list: ['get', 'list', false],
  watch: ['get', 'list', false],
  deletecollection: ['delete', 'deletecollection', false],
  get: ['get', 'get', true],
  update: ['put', 'put', true],
  patch: ['patch', 'patch', true],
  delete: ['delete', 'delete', true],
};

function pathsOf(kind: Kind, dialect: 'v2' | 'v3'): Json {
  const collection = `/${rootOf(kind)}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const paths: Json = {};
  for (const verb of kind.verbs) {
    const [method, action, onObject] = ACTIONS[verb];
    const path = onObject ? `${collection}/{name}` : collection;
    const operations = (paths[path] ?? {}) as Json;
    paths[path] = operations;
    operations[method] = operation(kind, action, dialect);
  }
  return paths;
}

const PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

function operation(kind: Kind, action: string, dialect: 'v2' | 'v3'): Json {
  const definition = kind.schema.definition ?? '';
  const { group, version } = kind;
  const ref = (dialect === 'v3' ? V3 : V2) + definition;
  const writes = action === 'post' || action === 'put' || action === 'patch';
  const parameters = writes ? PARAMETERS.map((name) => parameter(name, dialect)) : [];
  const common = {
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind: kind.kind },
    responses: { 200: response(ref, dialect) },
  };
  const types = action === 'patch' ? PATCH_TYPES : ['application/json', 'application/yaml'];
  if (dialect === 'v2') {
    const body = writes ? [{ name: 'body', in: 'body', required: true, schema: { $ref: ref } }] : [];
    return { ...common, consumes: action === 'patch' ? types : ['*/*'], parameters: [...body, ...parameters] };
  }
  const content = Object.fromEntries(types.map((type) => [type, { schema: { $ref: ref } }]));
  return { ...common, parameters, ...(writes && { requestBody: { content } }) };
}

function parameter(name: string, dialect: 'v2' | 'v3'): Json {
  return { name, in: 'query', ...(dialect === 'v3' ? { schema: { type: 'string' } } : { type: 'string' }) };
}

function response(ref: string, dialect: 'v2' | 'v3'): Json {
  const schema = { $ref: ref };
  return { description: 'OK', ...(dialect === 'v3' ? { content: { 'application/json': { schema } } } : { schema }) };
}

function* namesIn(value: unknown): Iterable<string> {
  const text = JSON.stringify(value);
  for (const match of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) yield match[1];
}

function collect(name: string, into: Json): void {
  if (into[name]) return;
  const definition = (definitions as Json)[name];
  if (!definition) return;
  into[name] = described(name, definition as Json);
  for (const inner of namesIn(definition)) collect(inner, into);
}
