// What an apply is told when somebody else owns what it would change
// (k8s.io/apimachinery v0.36 pkg/util/managedfields/internal/conflict.go).
import { StatusError } from '../../api/status.ts';
import { type Entry, identityOf } from './entries.ts';
import { type FieldSet, forEachPath, printPath } from './field-set.ts';

export interface Conflict {
  readonly entry: Entry;
  /** The fields that both want, by `entry`'s version. */
  readonly fields: FieldSet;
}

/** 409 with a cause for every field. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const byManager = [...conflicts]
    .sort((a, b) => (identityOf(a.entry) < identityOf(b.entry) ? -1 : 1))
    .map(({ entry, fields }) => ({ said: printManager(entry), paths: pathsOf(fields) }));
  const causes = byManager.flatMap(({ said, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${said}`, field })),
  );
  return new StatusError(409, 'Conflict', messageOf(byManager, causes.length), { causes });
}

function messageOf(byManager: ReadonlyArray<{ said: string; paths: readonly string[] }>, count: number): string {
  if (count === 1) {
    return `Apply failed with 1 conflict: conflict with ${byManager[0].said}: ${byManager[0].paths[0]}`;
  }
  const lines = byManager.flatMap(({ said, paths }) => [
    `conflicts with ${said}:`,
    ...paths.map((path) => `- ${path}`),
  ]);
  return `Apply failed with ${count} conflicts: ${lines.join('\n')}`;
}

function pathsOf(fields: FieldSet): string[] {
  const paths: string[] = [];
  forEachPath(fields, (path) => paths.push(printPath(path)));
  return paths;
}

/** `"hand" with subresource "scale" using apps/v1`; appliers have no version. */
function printManager({ manager = '', operation, apiVersion, subresource }: Entry): string {
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
