// One node of a structural schema, as `facts/openapi-schemas.json` writes it and as CRDs bring it, references resolved.

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly enum?: readonly unknown[];
  /** Filled in where the field is absent. Of built-in kinds: what Go prints for a field without `omitempty`. */
  readonly default?: unknown;
  readonly required?: readonly string[];
  /** Without a prototype: any name may be looked up. */
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Those of `properties` that have a default; absent: to be looked for. */
  readonly defaulted?: ReadonlyArray<readonly [field: string, schema: Schema]>;
  /** Of a map: the schema of its values. */
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  /** `io.k8s.api.core.v1.ServiceSpec`; anonymous schemas have none. Messages quote its last word as Go's type name. */
  readonly definition?: string;
  readonly intOrString?: boolean;
  /** Keep fields the schema does not know (RawExtension, CRDs). */
  readonly preserveUnknownFields?: boolean;
  /** Go's `omitempty` on a field that is no pointer: the zero value ('', 0, false, [], {}) is not told from absence. */
  readonly omitEmpty?: boolean;
  /** Go's name of the type where type and format do not imply it: `v1.ServiceType`. */
  readonly goType?: string;
  /** CRDs: null is a value. Elsewhere null means absent. */
  readonly nullable?: boolean;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  /** Strategic merge patch: `merge`, `replace`, `retainKeys`. */
  readonly patchStrategy?: readonly string[];
  readonly patchMergeKey?: string;
}
