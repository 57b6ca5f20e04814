// The waist of the API: everything the server knows about one kind of object is one `Kind` value. Built-in kinds are made
// from `facts/` plus one rules file each in `kinds/`; CustomResourceDefinitions become the same value, and the one
// registry serves both.
import type { FieldError } from './field.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { Schema } from './schema/schema.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Kind<T extends KubeObject = AnyObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: ReadonlySet<Verb>;
  /** Named as in the path after the object: `status`, `scale`, `binding`, `eviction`, … */
  readonly subresources: ReadonlyMap<string, Subresource>;
  /** The shape of the whole object. Compiled on first use. */
  readonly schema: Schema;
  /**
   * Where objects of this kind are stored: `group/plural`. Kinds served under several versions (events of `v1` and of
   * `events.k8s.io/v1`) share it, and name the fields that differ in `rules.fromStored` and `rules.toStored`.
   */
  readonly storage: string;
  /** Field labels that lists and watches accept, beside label selectors. */
  readonly selectableFields: readonly string[];
  /** The columns `kubectl get` prints. */
  readonly columns: readonly Column[];
  readonly rules: Rules<T>;
}

export interface Subresource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: ReadonlySet<Verb>;
}

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  /** 0: always shown; 1: with `-o wide`. */
  readonly priority: number;
}

/** Who writes, and when. */
export interface WriteContext {
  readonly user: {
    readonly name: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  /** RFC 3339. */
  readonly now: string;
}

/**
 * What a kind adds to its schema. Every function is pure; `object` is a private copy that may be changed in place.
 * Order of a create: decode → default → prepareForCreate → (allocate, admit) → validate → store.
 * Order of an update: decode → default → prepareForUpdate → (allocate, admit) → validate + validateUpdate → store.
 */
export interface Rules<T extends KubeObject = AnyObject> {
  /** Defaults that the schema cannot tell (those that depend on other fields). Schema defaults are applied before. */
  default?(object: T): void;
  /** Clears what a client may not set on create (the status was emptied before), sets `generation: 1` where the kind counts generations. */
  prepareForCreate?(object: T, write: WriteContext): void;
  /** Keeps from `old` what this request may not touch. `subresource` is '' for the object itself. */
  prepareForUpdate?(object: T, old: T, subresource: string, write: WriteContext): void;
  /** What depends on the namespace that the object lies in, by that one's labels. */
  validateInNamespace?(object: T, old: T | undefined, labels: Readonly<Record<string, string>>): FieldError[];
  /** `old` is what an update replaces: some of what was there already is not checked again. */
  validate?(object: T, old?: T): FieldError[];
  validateUpdate?(object: T, old: T, subresource: string): FieldError[];
  /** The `Warning:` header of every request for this kind, when its version is on the way out. */
  deprecated?: string;
  /** `Warning:` headers for a write. */
  warnings?(object: T, old: T | undefined): string[];
  /** Values of `selectableFields` besides metadata.name and metadata.namespace. Absent means ''. */
  fields?(object: T): Record<string, string>;
  /** One row of the kind's table, in the order of `columns`; `now` is ms since the epoch. */
  cells?(object: T, now: number): unknown[];
  /** How the rows of a table follow each other, where not by name. */
  rowOrder?(a: T, b: T): number;
  /** Whether a PUT to a name that does not exist creates it (Service, Lease, Endpoints, Role, …). */
  createOnUpdate?: boolean;
  /** Whether a PUT without resourceVersion is refused (Lease, PodDisruptionBudget, …). */
  conditionalUpdateOnly?: boolean;
  /** Whether a create may bring a status along (Node, when it registers itself). */
  keepsStatusOnCreate?: boolean;
  /** What DELETE answers: the deleted object (Service, Pod, …) or a Status. */
  deleteAnswersObject?: boolean;
  /** Seconds of grace a DELETE without gracePeriodSeconds gives (Pod: 30, or its spec's). Absent: deleted at once. */
  gracePeriodSeconds?(object: T): number;
  /** Propagation when the DELETE names none and the object has no such finalizer. Absent: background. */
  defaultPropagation?: 'Background' | 'Orphan';
  /** Conversions between the stored form and this version's form, for kinds that share `storage`. */
  fromStored?(stored: AnyObject): T;
  toStored?(object: T): AnyObject;
}
