// From OpenAPI definitions to `Schema` nodes: references resolved, each definition compiled when it is first looked into,
// so that start-up pays for nothing and cycles (JSONSchemaProps) are no matter.
import type { Definitions, OpenApiNode } from './openapi-node.ts';
import { goType, omitsEmpty, shownDefault } from './presence.ts';
import type { Schema } from './schema.ts';

/** What a definition's places share, compiled once. */
interface Fields {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly defaulted: ReadonlyArray<readonly [field: string, schema: Schema]>;
}

const REFERENCE = '#/components/schemas/';

export class Schemas {
  readonly #definitions: Definitions;
  readonly #compiled = new Map<string, Schema>();
  readonly #fields = new Map<string, Fields>();
  #names: Map<string, string> | undefined;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /** The schema of `io.k8s.api.core.v1.Service`; throws when there is no such definition. */
  schemaOf(definition: string): Schema {
    const known = this.#compiled.get(definition);
    if (known) return known;
    const compiled = this.#compile({ $ref: REFERENCE + definition });
    this.#compiled.set(definition, compiled);
    return compiled;
  }

  /** The name of the definition that describes this kind, by the definition's own `x-kubernetes-group-version-kind`. */
  definitionOf(group: string, version: string, kind: string): string | undefined {
    this.#names ??= indexKinds(this.#definitions);
    return this.#names.get(`${group}/${version}/${kind}`);
  }

  #compile(raw: OpenApiNode, place?: { definition: string; field: string }): Schema {
    const { node, definition } = this.#flatten(raw);
    return new Node(node, {
      definition,
      fields: definition && node.properties ? () => this.#fieldsOf(definition) : undefined,
      items: node.items && this.#compile(node.items),
      values: typeof node.additionalProperties === 'object' ? this.#compile(node.additionalProperties) : undefined,
      default: place && shownDefault(place.definition, place.field, raw),
      omitEmpty: place !== undefined && omitsEmpty(place.definition, place.field),
      goType: place && goType(place.definition, place.field),
    });
  }

  /** Follows `$ref` and the single `allOf` with which OpenAPI lays a default over a reference. */
  #flatten(raw: OpenApiNode): { node: OpenApiNode; definition?: string } {
    const reference = raw.$ref ?? raw.allOf?.[0]?.$ref;
    if (!reference) return { node: raw };
    const definition = reference.slice(REFERENCE.length);
    const target = this.#definitions[definition];
    if (!target) throw new Error(`no such definition: ${definition}`);
    return { node: { ...target, ...raw }, definition };
  }

  #fieldsOf(definition: string): Fields {
    const known = this.#fields.get(definition);
    if (known) return known;
    const properties: Record<string, Schema> = Object.create(null);
    for (const [field, raw] of Object.entries(this.#definitions[definition].properties ?? {})) {
      properties[field] = this.#compile(raw, { definition, field });
    }
    const defaulted = Object.entries(properties).filter(([, schema]) => schema.default !== undefined);
    const fields = { properties, defaulted };
    this.#fields.set(definition, fields);
    return fields;
  }
}

function indexKinds(definitions: Definitions): Map<string, string> {
  const names = new Map<string, string>();
  for (const [definition, node] of Object.entries(definitions)) {
    const kinds = node['x-kubernetes-group-version-kind'] as Array<Record<'group' | 'version' | 'kind', string>>;
    for (const { group, version, kind } of kinds ?? []) names.set(`${group}/${version}/${kind}`, definition);
  }
  return names;
}

interface Parts {
  definition?: string;
  fields?: () => Fields;
  items?: Schema;
  values?: Schema;
  default: unknown;
  omitEmpty: boolean;
  goType?: string;
}

/** Types that hold any object, and definitions that hold any value. */
const OPEN = new Set([
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
]);

class Node implements Schema {
  readonly type?: Schema['type'];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly definition?: string;
  readonly intOrString: boolean;
  readonly preserveUnknownFields: boolean;
  readonly omitEmpty: boolean;
  readonly goType?: string;
  readonly listType?: Schema['listType'];
  readonly listMapKeys?: readonly string[];
  readonly mapType?: Schema['mapType'];
  readonly patchStrategy?: readonly string[];
  readonly patchMergeKey?: string;
  readonly #compile?: () => Fields;
  #fields: Fields | undefined;

  constructor(node: OpenApiNode, parts: Parts) {
    // Quantity is written as a string or a number, IntOrString as an integer or a string: neither has one type.
    this.type = node.oneOf ? undefined : (node.type as Schema['type']);
    this.format = node.format;
    this.enum = node.enum;
    this.default = parts.default;
    this.required = node.required;
    this.additionalProperties = parts.values;
    this.items = parts.items;
    this.definition = parts.definition;
    this.intOrString = node.format === 'int-or-string';
    this.preserveUnknownFields =
      OPEN.has(parts.definition ?? '') || node['x-kubernetes-preserve-unknown-fields'] === true;
    this.omitEmpty = parts.omitEmpty;
    this.goType = parts.goType;
    this.listType = node['x-kubernetes-list-type'] as Schema['listType'];
    this.listMapKeys = node['x-kubernetes-list-map-keys'] as readonly string[] | undefined;
    this.mapType = node['x-kubernetes-map-type'] as Schema['mapType'];
    this.patchStrategy = (node['x-kubernetes-patch-strategy'] as string | undefined)?.split(',');
    this.patchMergeKey = node['x-kubernetes-patch-merge-key'] as string | undefined;
    this.#compile = parts.fields;
  }

  get properties(): Fields['properties'] | undefined {
    return this.#compiled?.properties;
  }

  get defaulted(): Fields['defaulted'] | undefined {
    return this.#compiled?.defaulted;
  }

  get #compiled(): Fields | undefined {
    this.#fields ??= this.#compile?.();
    return this.#fields;
  }
}
