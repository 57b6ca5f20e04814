// OpenAPI v2 and v3 documents, from the same definitions that validate; loaded and built when first asked for.
import type { Catalogue } from '../../api/catalogue.ts';
import definitions from '../../api/facts/openapi-schemas.json' with { type: 'json' };
import type { Kind } from '../../api/kind.ts';
import { VERSION } from '../version.ts';
import { described } from './descriptions.ts';
import {
  discoveryPaths,
  type GroupVersionKind,
  type Operation,
  type PathItem,
  pathsOf,
  rootOf,
} from './openapi-paths.ts';
import type { Parameter } from './openapi-verbs.ts';

type Json = { [field: string]: unknown };

const V3 = '#/components/schemas/';
const V2 = '#/definitions/';

/** `/openapi/v3`: where each group's document is; `hashes` are those of the documents, by their paths. */
export function openapiV3Index(hashes: ReadonlyMap<string, string>): object {
  const entries = [...hashes].map(([path, hash]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]);
  return { paths: Object.fromEntries(entries) };
}

/** `path`: one of `documentPaths`. */
export function openapiV3(catalogue: Catalogue, path: string): object {
  const paths = pathsIn(catalogue, asV3, `/${path}`);
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
  const paths = pathsIn(catalogue, asV2);
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

/** `api/v1`, `apis/GROUP/VERSION`, …: each has a document of its own in v3. */
export function documentPaths(catalogue: Catalogue): string[] {
  return Object.keys(discoveryPaths(documentedKinds(catalogue))).map((path) => path.slice(1, -1));
}

/** A kind that no definition describes has no document: that of metrics, as long as nobody writes one. */
function documentedKinds(catalogue: Catalogue): Kind[] {
  return catalogue.kinds().filter(({ schema }) => schema.definition !== undefined);
}

type Dialect = (item: PathItem) => Json;

/** `root`: `/apis/GROUP/VERSION`, …; all when absent. */
function pathsIn(catalogue: Catalogue, dialect: Dialect, root?: string): Json {
  const definitionOf = ({ group, version, kind }: GroupVersionKind): string | undefined =>
    catalogue.byKind(group, version, kind)?.schema.definition ?? NAMED[kind];
  const kinds = documentedKinds(catalogue);
  const discovery = Object.entries(discoveryPaths(kinds)).filter(([path]) => !root || path === `${root}/`);
  const wanted = kinds.filter((kind) => !root || rootOf(kind) === root);
  const items = [...discovery, ...wanted.flatMap((kind) => Object.entries(pathsOf(kind, definitionOf)))];
  return Object.fromEntries(items.map(([path, item]) => [path, dialect(item)]));
}

/** Kinds that only subresources have. */
const NAMED: Readonly<Record<string, string>> = {
  Eviction: 'io.k8s.api.policy.v1.Eviction',
  Scale: 'io.k8s.api.autoscaling.v1.Scale',
  TokenRequest: 'io.k8s.api.authentication.v1.TokenRequest',
};

const SERVED = ['application/json', 'application/yaml'];
const STREAMED = [...SERVED, 'application/json;stream=watch'];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const REFUSALS: Json = { 401: { description: 'Unauthorized' } };

/** The media types of an operation's answer. */
function answerTypes({ action = '', answer, answerType }: Operation): string[] {
  if (answerType) return [answerType];
  if (action === 'connect') return ['*/*'];
  if (answer === undefined) return ['text/plain', ...SERVED];
  return /^(list|watch|watchlist)$/.test(action) ? STREAMED : SERVED;
}

function common({ id, tag, action, about }: Operation): Json {
  return {
    operationId: id,
    tags: [tag],
    ...(action && { 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': about }),
  };
}

const responses = (codes: readonly number[], of: (description: string) => Json): Json => ({
  ...Object.fromEntries(codes.map((code) => [code, of(CODES[code])])),
  ...REFUSALS,
});
const CODES: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

const asV3: Dialect = ({ parameters, operations }) => ({
  ...(parameters.length > 0 && { parameters: parameters.map(parameterV3) }),
  ...Object.fromEntries(Object.entries(operations).map(([method, one]) => [method, operationV3(one)])),
});

const parameterV3 = ({ type, ...parameter }: Parameter): Json => ({
  ...parameter,
  ...(parameter.in === 'path' && { required: true }),
  schema: { type, uniqueItems: true },
});

function operationV3(operation: Operation): Json {
  const { action, parameters, body, answer, codes } = operation;
  const contentOf = (types: readonly string[], schema: Json): Json =>
    Object.fromEntries(types.map((type) => [type, { schema }]));
  const content = contentOf(answerTypes(operation), answer ? { $ref: V3 + answer } : { type: 'string' });
  const types = action === 'patch' ? PATCH_TYPES : ['*/*'];
  const isNeeded = !body?.endsWith('.DeleteOptions');
  return {
    ...common(operation),
    ...(parameters.length > 0 && { parameters: parameters.map(parameterV3) }),
    ...(body && {
      requestBody: { content: contentOf(types, { $ref: V3 + body }), ...(isNeeded && { required: true }) },
    }),
    responses: responses(codes, (description) => ({ description, content })),
  };
}

const asV2: Dialect = ({ parameters, operations }) => ({
  ...(parameters.length > 0 && { parameters: parameters.map(parameterV2) }),
  ...Object.fromEntries(Object.entries(operations).map(([method, one]) => [method, operationV2(one)])),
});

const parameterV2 = (parameter: Parameter): Json => ({
  ...parameter,
  ...(parameter.in === 'path' && { required: true }),
  uniqueItems: true,
});

function operationV2(operation: Operation): Json {
  const { action, parameters, body, answer, codes } = operation;
  const isNeeded = !body?.endsWith('.DeleteOptions');
  const ofBody = body && { name: 'body', in: 'body', ...(isNeeded && { required: true }), schema: { $ref: V2 + body } };
  const schema = answer ? { $ref: V2 + answer } : { type: 'string' };
  return {
    ...common(operation),
    consumes: action === 'patch' ? PATCH_TYPES : ['*/*'],
    produces: answerTypes(operation),
    schemes: ['https'],
    ...((ofBody || parameters.length > 0) && {
      parameters: [...(ofBody ? [ofBody] : []), ...parameters.map(parameterV2)],
    }),
    responses: responses(codes, (description) => ({ description, schema })),
  };
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
