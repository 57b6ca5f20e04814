// Makes requests of OpenAPI v3 documents: mostly such as a client would send, each broken a little somewhere, some altogether.
import type { Random } from '../harness/random.ts';

export interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
}

interface Parameter {
  readonly name: string;
  readonly in: string;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

export interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, unknown>> & { readonly parameters?: readonly Parameter[] }>
  >;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** One thing that can be asked for. */
export interface Endpoint {
  readonly method: string;
  /** With `{namespace}` and the like. */
  readonly template: string;
  readonly query: readonly string[];
  readonly body: Schema | undefined;
  readonly schemas: Readonly<Record<string, Schema>>;
}

export interface MadeRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: Buffer;
  readonly contentType?: string;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];

export function endpointsOf({ paths, components }: Document): Endpoint[] {
  return Object.entries(paths).flatMap(([template, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const { parameters = [], requestBody } = item[method] as Operation;
      const query = [...parameters, ...(item.parameters ?? [])]
        .filter((one) => one.in === 'query')
        .map(({ name }) => name);
      const body = Object.values(requestBody?.content ?? {})[0]?.schema;
      return { method: method.toUpperCase(), template, query, body, schemas: components?.schemas ?? {} };
    }),
  );
}

const NAMES = ['one', 'two', 'default', 'kubernetes', 'kube-system', 'system:basic-user', '127.0.0.1'];
const PATH_JUNK = [
  '%00',
  'A',
  '..',
  '%2e%2e',
  '%2F',
  'x'.repeat(300),
  '-',
  '__proto__',
  'constructor',
  '%F0%9F%92%A9',
  '%ff',
];
const TEXT_JUNK = [
  '',
  ' ',
  '__proto__',
  'constructor',
  '💩',
  '\u0000',
  'x'.repeat(5000),
  '-1',
  '1e999',
  'NaN',
  '../..',
  '{{',
  '0',
];
const NUMBER_JUNK = [-1, 0, 1.5, 65536, 2 ** 31, 2 ** 53, 1e300, -(2 ** 63)];
const QUERY_VALUES: Readonly<Record<string, readonly string[]>> = {
  labelSelector: ['a=b', 'a in (b,c)', '!a', 'a,,b', 'a in (', '=', 'a==b==c', 'x>5', '💩'],
  fieldSelector: [
    'metadata.name=one',
    'metadata.name!=one',
    'spec.nope=1',
    '=',
    'metadata.name',
    'a=b=c',
    'status.phase=x',
  ],
  resourceVersion: ['0', '1', '5', '-1', '99999999999999999999', 'x', '1.5'],
  resourceVersionMatch: ['Exact', 'NotOlderThan', 'x'],
  continue: ['x', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIifQ', 'bnVsbA', 'W10', 'MQ', '💩'],
  limit: ['0', '1', '2', '-1', 'x', '1e9', '99999999999999999999'],
  dryRun: ['All', 'x', ''],
  fieldManager: ['me', 'x'.repeat(200), '\n'],
  fieldValidation: ['Strict', 'Warn', 'Ignore', 'x'],
  force: ['true', 'false', 'x'],
  propagationPolicy: ['Background', 'Foreground', 'Orphan', 'x'],
  gracePeriodSeconds: ['0', '1', '-1', 'x', '9999999999999999999999'],
  sendInitialEvents: ['true', 'false', 'x'],
  allowWatchBookmarks: ['true', 'x'],
  pretty: ['true', 'x'],
};
const PATCHES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const BODIES_JUNK = [
  '',
  '{',
  '[]',
  'null',
  '1',
  '"x"',
  '{"a":1}{',
  '[[[[',
  `${'['.repeat(20_000)}`,
  '{"kind":1}',
  '\ufeff{}',
  '- a: [',
  'a: &x [*x]',
];

export class RequestMaker {
  readonly #endpoints: readonly Endpoint[];
  readonly #random: Random;

  constructor(endpoints: readonly Endpoint[], random: Random) {
    this.#endpoints = endpoints;
    this.#random = random;
  }

  make(): MadeRequest {
    const random = this.#random;
    const endpoint = random.one(this.#endpoints);
    const method = random.chance(0.02)
      ? random.one(['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD'])
      : endpoint.method;
    const path =
      endpoint.template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => this.#segment(name)) + this.#query(endpoint);
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    if (reads || (method === 'DELETE' && random.chance(0.5))) return { method, path };
    return { method, path, ...this.#body(method, endpoint) };
  }

  #segment(name: string): string {
    const random = this.#random;
    if (random.chance(0.05)) return random.one(PATH_JUNK);
    return name === 'namespace' && random.chance(0.9) ? 'default' : random.one(NAMES);
  }

  #query({ query, method, template }: Endpoint): string {
    const random = this.#random;
    const words: string[] = [];
    for (const name of query) {
      // Streams that do not end by themselves are asked for on purpose only.
      if (name === 'watch' || name === 'timeoutSeconds' || name === 'follow' || !random.chance(0.15)) continue;
      const value = random.chance(0.1) ? random.one(TEXT_JUNK) : random.one(QUERY_VALUES[name] ?? ['true', '1', 'x']);
      words.push(`${name}=${encodeURIComponent(value)}`);
    }
    const watches = method === 'GET' && (query.includes('watch') || template.includes('/watch/'));
    if (watches && (random.chance(0.1) || template.includes('/watch/'))) words.push('watch=true', 'timeoutSeconds=1');
    if (words.some((word) => word.startsWith('fieldManager')) || !template.includes('{name}')) return asQuery(words);
    return asQuery(method === 'PATCH' ? [...words, 'fieldManager=fuzz'] : words);
  }

  #body(method: string, endpoint: Endpoint): { body: Buffer; contentType: string } {
    const random = this.#random;
    const types = method === 'PATCH' ? PATCHES : ['application/json', 'application/json', 'application/yaml'];
    let contentType = random.one(types);
    if (random.chance(0.02))
      contentType = random.one(['text/html', 'application/vnd.kubernetes.protobuf', '', ';', ...PATCHES]);
    if (random.chance(0.04)) return { body: Buffer.from(random.one(BODIES_JUNK)), contentType };
    const value = contentType === PATCHES[0] ? this.#jsonPatch(endpoint) : this.#object(endpoint);
    const body = Buffer.from(JSON.stringify(value) ?? '');
    if (random.chance(0.03)) body[random.below(body.length)] = random.below(256);
    return { body: random.chance(0.02) ? body.subarray(0, random.below(body.length)) : body, contentType };
  }

  /** What the endpoint takes; its kind's object for a patch, whose schema says nothing. */
  #object({ body, template, schemas }: Endpoint): unknown {
    const random = this.#random;
    const kind = kindOf(template, schemas);
    const schema = body && refersTo(body) !== 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch' ? body : kind;
    const value = this.#value(schema ?? {}, schemas, 0);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const object = value as Record<string, unknown>;
    const type = schema && resolve(schema, schemas)['x-kubernetes-group-version-kind']?.[0];
    if (type && random.chance(0.95)) {
      object.kind = type.kind;
      object.apiVersion = type.group ? `${type.group}/${type.version}` : type.version;
    }
    if (random.chance(0.95)) {
      const metadata = { name: random.one(NAMES), ...(random.chance(0.3) && { labels: { a: 'b' } }) };
      object.metadata = random.chance(0.2) ? Object.assign(object.metadata ?? {}, metadata) : metadata;
    }
    return object;
  }

  #jsonPatch(endpoint: Endpoint): unknown {
    const random = this.#random;
    const paths = [
      '/metadata/labels/a',
      '/metadata/labels',
      '/spec',
      '/spec/replicas',
      '/spec/ports/0',
      '/spec/ports/-',
      '',
      '/',
      '/__proto__/x',
      'x',
    ];
    return Array.from({ length: 1 + random.below(3) }, () => ({
      op: random.one(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
      path: random.one(paths),
      ...(random.chance(0.3) && { from: random.one(paths) }),
      ...(random.chance(0.8) && { value: this.#object(endpoint) }),
    }));
  }

  #value(schema: Schema, schemas: Endpoint['schemas'], depth: number): unknown {
    const random = this.#random;
    if (random.chance(0.02))
      return random.one<unknown>([null, 1, 'x', true, [], {}, [[]], { a: {} }, ...TEXT_JUNK, ...NUMBER_JUNK]);
    const resolved = resolve(schema, schemas);
    if (resolved.enum && random.chance(0.9)) return random.one(resolved.enum);
    switch (resolved.type) {
      case 'string':
        return this.#text(resolved.format);
      case 'integer':
      case 'number':
        return random.chance(0.1) ? random.one(NUMBER_JUNK) : random.below(100);
      case 'boolean':
        return random.chance(0.5);
      case 'array':
        if (depth > 7) return [];
        return Array.from({ length: random.below(3) }, () => this.#value(resolved.items ?? {}, schemas, depth + 1));
      default:
        return this.#fields(resolved, schemas, depth);
    }
  }

  #text(format: string | undefined): string {
    const random = this.#random;
    if (random.chance(0.1)) return random.one(TEXT_JUNK);
    if (format === 'date-time')
      return random.one(['2024-05-01T10:00:00Z', '2024-05-01T10:00:00.123456Z', '2024-13-01T10:00:00Z', 'now']);
    if (format === 'byte') return random.one(['AAECAw==', 'a', '====']);
    return random.one([
      'a',
      'one',
      'tcp',
      'TCP',
      '10.96.0.1',
      '10.0.0.0/8',
      'fd00::1',
      '100m',
      '1Gi',
      'NodePort',
      'Always',
      'example.com/a',
      '80%',
    ]);
  }

  #fields(
    { properties, additionalProperties }: Schema,
    schemas: Endpoint['schemas'],
    depth: number,
  ): Record<string, unknown> {
    const random = this.#random;
    const object: Record<string, unknown> = {};
    if (depth > 7) return object;
    const likely = depth < 2 ? 0.5 : 0.25;
    for (const [name, field] of Object.entries(properties ?? {})) {
      if (depth === 0 && name !== 'spec' && random.chance(0.5)) continue;
      if (random.chance(likely) || (depth === 0 && name === 'spec'))
        object[name] = this.#value(field, schemas, depth + 1);
    }
    if (typeof additionalProperties === 'object')
      object[this.#text(undefined)] = this.#value(additionalProperties, schemas, depth + 1);
    if (random.chance(0.02)) object[random.one(TEXT_JUNK)] = 1;
    return object;
  }
}

const asQuery = (words: readonly string[]): string => (words.length > 0 ? `?${words.join('&')}` : '');

const refersTo = ({ $ref, allOf }: Schema): string | undefined => ($ref ?? allOf?.[0]?.$ref)?.split('/').at(-1);

function resolve(schema: Schema, schemas: Endpoint['schemas']): Schema {
  const name = refersTo(schema);
  return name === undefined ? schema : (schemas[name] ?? {});
}

/** The schema of the objects that a path is about, by the plural in it. */
function kindOf(template: string, schemas: Endpoint['schemas']): Schema | undefined {
  const plural =
    template.split('/').findLast((word) => /^[a-z]+$/.test(word) && word !== 'status' && word !== 'scale') ?? '';
  return Object.values(schemas).find((schema) => {
    const kind = schema['x-kubernetes-group-version-kind']?.[0]?.kind.toLowerCase();
    return kind !== undefined && [`${kind}s`, `${kind}es`, kind.replace(/y$/, 'ies')].includes(plural);
  });
}
