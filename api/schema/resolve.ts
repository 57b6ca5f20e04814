// From OpenAPI definitions to `Schema` nodes: references resolved, each definition compiled when it is first looked into,
// so that start-up pays for nothing and cycles (JSONSchemaProps) are no matter.
import { goType, omitsEmpty, shownDefault } from './presence.ts';
import type { Schema } from './schema.ts';

/** A node as `facts/openapi-schemas.json` writes it. */
export interface OpenApiNode {
  readonly [extension: `x-kubernetes-${string}`]: unknown;
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiNode[];
  readonly oneOf?: readonly OpenApiNode[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, OpenApiNode>>;
  readonly additionalProperties?: OpenApiNode | boolean;
  readonly items?: OpenApiNode;
}

export type Definitions = Readonly<Record<string, OpenApiNode>>;

type Properties = Readonly<Record<string, Schema>>;

const REFERENCE = '#/components/schemas/';

export class Schemas {
  readonly #definitions: Definitions;
  readonly #compiled = new Map<string, Schema>();
  readonly #properties = new Map<string, Properties>();
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
      properties: definition && node.properties ? () => this.#propertiesOf(definition) : undefined,
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

  #propertiesOf(definition: string): Properties {
    let properties = this.#properties.get(definition);
    if (properties) return properties;
    const compiled: Record<string, Schema> = Object.create(null);
    for (const [field, raw] of Object.entries(this.#definitions[definition].properties ?? {})) {
      compiled[field] = this.#compile(raw, { definition, field });
    }
    properties = compiled;
    this.#properties.set(definition, properties);
    return properties;
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
  properties?: () => Properties;
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
  readonly #compileProperties?: () => Properties;
  #properties: Properties | undefined;

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
    this.#compileProperties = parts.properties;
  }

  get properties(): Properties | undefined {
    if (!this.#compileProperties) return undefined;
    this.#properties ??= this.#compileProperties();
    return this.#properties;
  }
}
