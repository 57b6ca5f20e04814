// The Table representation: what `kubectl get` prints, computed by the server (meta.k8s.io Table).
import { ageOf } from './age.ts';
import type { Kind } from './kind.ts';
import type { AnyObject } from './object.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  cells: unknown[];
  /** Null when none is included. */
  object: unknown;
}

export interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: Record<string, unknown>;
  columnDefinitions: ColumnDefinition[] | null;
  rows: TableRow[];
}

export interface TableOptions {
  readonly includeObject?: IncludeObject;
  /** `v1` (absent) or `v1beta1`. */
  readonly version?: string;
  /** The list's own metadata: resourceVersion, continue, remainingItemCount. */
  readonly metadata?: Record<string, unknown>;
}

/** What of a kind its table depends on. */
type Columned = Pick<Kind, 'columns' | 'rules'>;

/** `now` in ms since the epoch. Without `includeObject` a row carries its object's metadata. */
export function tableOf(kind: Columned, objects: readonly AnyObject[], now: number, options: TableOptions = {}): Table {
  const apiVersion = `meta.k8s.io/${options.version ?? 'v1'}`;
  const { rowOrder } = kind.rules;
  const ordered = rowOrder ? objects.toSorted(rowOrder) : objects;
  return {
    kind: 'Table',
    apiVersion,
    metadata: options.metadata ?? {},
    columnDefinitions: columnDefinitions(kind),
    rows: ordered.map((object) => rowOf(kind, object, now, apiVersion, options.includeObject ?? 'Metadata')),
  };
}

export function columnDefinitions(kind: Columned): ColumnDefinition[] {
  return kind.columns.map((column) => ({ ...column, description: '' }));
}

/** One row of the kind's table; `apiVersion` is the table's, which its objects' metadata is written in. */
function rowOf(kind: Columned, object: AnyObject, now: number, apiVersion: string, include: IncludeObject): TableRow {
  return { cells: cellsOf(kind, object, now), object: included(object, apiVersion, include) };
}

function included(object: AnyObject, apiVersion: string, include: IncludeObject): unknown {
  if (include === 'None') return null;
  if (include === 'Object') return object;
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

/** By the kind's rules; for a kind without, what its columns' names tell. */
function cellsOf(kind: Columned, object: AnyObject, now: number): unknown[] {
  return kind.rules.cells?.(object, now) ?? kind.columns.map(({ name }) => genericCell(name, object, now));
}

function genericCell(column: string, object: AnyObject, now: number): unknown {
  if (column === 'Name') return object.metadata.name;
  if (column === 'Created At') return object.metadata.creationTimestamp ?? null;
  if (column === 'Age') return ageOf(object.metadata.creationTimestamp, now);
  return '';
}
