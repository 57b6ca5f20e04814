// The catalogue: every kind the server knows, found by resource or by kind. Built-in kinds are made from `facts/` and the
// rules in `kinds/`; whoever serves CustomResourceDefinitions adds theirs.
import discovery from './facts/discovery.json' with { type: 'json' };
import fieldSelectors from './facts/field-selectors.json' with { type: 'json' };
import definitions from './facts/openapi-schemas.json' with { type: 'json' };
import tableColumns from './facts/table-columns.json' with { type: 'json' };
import type { Column, Kind, Rules, Subresource, Verb } from './kind.ts';
import { rulesOf } from './kinds/rules.ts';
import { apiVersionOf, copyOf } from './object.ts';
import { fillDefaults } from './schema/defaults.ts';
import type { Definitions } from './schema/openapi-node.ts';
import { Schemas } from './schema/resolve.ts';
import type { Schema } from './schema/schema.ts';

/** What decoding a body needs to know: the kind's names and its shape. */
export type Shape = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

/** Columns of a kind that `facts/table-columns.json` does not list. */
const DEFAULT_COLUMNS: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', priority: 0 },
  { name: 'Created At', type: 'date', format: '', priority: 0 },
];

/** Resources of two groups whose objects are the same, stored once: the first names the other's storage. */
const SHARED_STORAGE: Readonly<Record<string, string>> = { 'events.k8s.io/events': '/events' };

interface DiscoveredSubresource {
  readonly subresource: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
}

interface DiscoveredResource {
  readonly resource: string;
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly scope: string;
  readonly singularResource: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly DiscoveredSubresource[];
}

type Row = readonly [name: string, type: string, format: string, priority: number];

export class Catalogue {
  readonly #schemas = new Schemas(definitions as unknown as Definitions);
  readonly #byResource = new Map<string, Kind>();
  readonly #byKind = new Map<string, Kind>();
  readonly #shapes = new Map<string, Shape>();

  constructor() {
    for (const { group, versions } of discovery) {
      for (const { version, resources } of versions) {
        for (const resource of resources as readonly DiscoveredResource[]) {
          this.add(new BuiltinKind(group, version, resource, this.#schemas));
        }
      }
    }
  }

  /** Every kind, in the order of discovery; those added later come last. */
  kinds(): readonly Kind[] {
    return [...this.#byResource.values()];
  }

  /** By what stands in a path: `apps`, `v1`, `deployments`. */
  byResource(group: string, version: string, plural: string): Kind | undefined {
    return this.#byResource.get(`${group}/${version}/${plural}`);
  }

  /** By what stands in an object: `apps`, `v1`, `Deployment`. */
  byKind(group: string, version: string, kind: string): Kind | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  /** Adds a kind, or replaces the one of the same group, version and plural. */
  add(kind: Kind): void {
    this.#byResource.set(`${kind.group}/${kind.version}/${kind.plural}`, kind);
    // `bindings` and the like come first in discovery; the first resource of a kind is the one that stores it.
    const key = `${kind.group}/${kind.version}/${kind.kind}`;
    const known = this.#byKind.get(key);
    if (!known || known.plural === kind.plural) this.#byKind.set(key, kind);
  }

  remove(kind: Kind): void {
    this.#byResource.delete(`${kind.group}/${kind.version}/${kind.plural}`);
    this.#byKind.delete(`${kind.group}/${kind.version}/${kind.kind}`);
  }

  /**
   * The shape of a body that is no resource's own kind: `autoscaling/v1 Scale`, `policy/v1 Eviction`, `v1 Binding`,
   * `v1 DeleteOptions`. Undefined when no definition describes it.
   */
  shape(group: string, version: string, kind: string): Shape | undefined {
    const key = `${group}/${version}/${kind}`;
    const known = this.#byKind.get(key) ?? this.#shapes.get(key);
    if (known) return known;
    const definition = this.#schemas.definitionOf(group, version, kind);
    if (!definition) return undefined;
    const shape = { group, version, kind, schema: this.#schemas.schemaOf(definition) };
    this.#shapes.set(key, shape);
    return shape;
  }

  /** Compiled on first use and kept; throws when there is no such definition. */
  schemaOf(definition: string): Schema {
    return this.#schemas.schemaOf(definition);
  }
}

class BuiltinKind implements Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: ReadonlySet<Verb>;
  readonly subresources: ReadonlyMap<string, Subresource>;
  readonly storage: string;
  readonly selectableFields: readonly string[];
  readonly columns: readonly Column[];
  readonly rules: Rules;
  readonly #schemas: Schemas;
  #schema: Schema | undefined;

  constructor(group: string, version: string, resource: DiscoveredResource, schemas: Schemas) {
    const path = `${group ? '/apis' : '/api'}/${apiVersionOf(group, version)}/${resource.resource}`;
    const rows = (tableColumns as unknown as Record<string, readonly Row[]>)[path];
    this.group = group;
    this.version = version;
    this.kind = resource.responseKind.kind;
    this.plural = resource.resource;
    this.singular = resource.singularResource;
    this.namespaced = resource.scope === 'Namespaced';
    this.shortNames = resource.shortNames ?? [];
    this.categories = resource.categories ?? [];
    this.verbs = verbSet(resource.verbs);
    this.subresources = new Map(
      (resource.subresources ?? []).map((sub) => [sub.subresource, subresource(group, version, sub)]),
    );
    this.storage = SHARED_STORAGE[`${group}/${this.plural}`] ?? `${group}/${this.plural}`;
    this.selectableFields = (fieldSelectors as Record<string, string[]>)[path] ?? [
      'metadata.name',
      ...(this.namespaced ? ['metadata.namespace'] : []),
    ];
    this.columns = rows?.map(([name, type, format, priority]) => ({ name, type, format, priority })) ?? DEFAULT_COLUMNS;
    this.#schemas = schemas;
    const rules = rulesOf(group, version, this.kind);
    this.rules = this.subresources.has('status') ? withEmptyStatus(this, rules) : rules;
  }

  get schema(): Schema {
    if (this.#schema) return this.#schema;
    const definition = this.#schemas.definitionOf(this.group, this.version, this.kind);
    if (!definition) throw new Error(`no definition describes ${apiVersionOf(this.group, this.version)} ${this.kind}`);
    this.#schema = this.#schemas.schemaOf(definition);
    return this.#schema;
  }
}

/** A create sets no status: it begins as the schema prints an empty one, unless the kind keeps what comes. */
function withEmptyStatus(kind: { readonly schema: Schema }, rules: Rules): Rules {
  return {
    ...rules,
    prepareForCreate(object, write): void {
      const status = kind.schema.properties?.status;
      if (!rules.keepsStatusOnCreate) delete object.status;
      if (status?.default !== undefined && object.status === undefined) {
        object.status = copyOf(status.default);
        fillDefaults(status, object.status as Record<string, unknown>);
      }
      rules.prepareForCreate?.(object, write);
    },
  };
}

function verbSet(verbs: readonly string[]): ReadonlySet<Verb> {
  return new Set(verbs as readonly Verb[]);
}

/** A subresource without group and version speaks its parent's. */
function subresource(group: string, version: string, { responseKind, verbs }: DiscoveredSubresource): Subresource {
  const own = responseKind.version !== '';
  return {
    group: own ? responseKind.group : group,
    version: own ? responseKind.version : version,
    kind: responseKind.kind,
    verbs: verbSet(verbs),
  };
}
