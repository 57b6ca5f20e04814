// Server-side apply: a configuration laid over the live object, what its manager no longer speaks of taken away, and conflicts with
// other managers told (sigs.k8s.io/structured-merge-diff v6 merge/update.go; the order of steps is that of
// k8s.io/apimachinery v0.36 pkg/util/managedfields/internal/fieldmanager.go).
import { type AnyObject, copyOf, isEqual } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { fieldSetOf } from './applied-set.ts';
import { UNOWNED } from './compare.ts';
import { type Conflict, conflictError } from './conflict.ts';
import { type Entry, entryOf, isSame, type Manager, sorted } from './entries.ts';
import { difference, type FieldSet, intersection, leaf, union } from './field-set.ts';
import { allowedConflicts, KUBECTL, withLastApplied } from './last-applied.ts';
import { merge } from './merge.ts';
import { fieldElement } from './path-element.ts';
import { prune, type Versions } from './prune.ts';
import { type FieldFilter, filtered } from './reset-fields.ts';
import { type Change, compareAt, takenAway, track, zeroOf } from './track.ts';

const BEFORE = 'before-first-apply';

export interface Application {
  /** The object as it is; for one that does not exist yet, as Go shows it empty. */
  readonly live: AnyObject;
  /** What the client sent: valid by the schema, of the kind. Not changed. */
  readonly config: AnyObject;
  readonly entries: readonly Entry[];
  readonly manager: Manager;
  readonly force: boolean;
  readonly schema: Schema;
  readonly versions: Versions<object>;
  filter(version: string): FieldFilter | undefined;
  /** RFC 3339, to the second. */
  readonly now: string;
}

export interface Applied {
  /** Private, neither decoded nor defaulted: nulls stand where fields went. */
  readonly object: AnyObject;
  readonly entries: readonly Entry[];
}

/** Throws StatusError 409 for conflicts, unless forced, and TypedError for values that cannot be merged. */
export function apply(application: Application): Applied {
  const started = withEntries(application);
  const { merged, change, mine } = mergeAndPrune(started);
  const conflicts = started.force ? [] : refusable(started, conflictsOf(change, started.manager));
  if (conflicts.length > 0) throw conflictError(conflicts);
  const { manager, now } = started;
  // An apply that changes nothing moves no time; it may still become an owner beside others.
  const time = merged === started.live ? started.entries.find((entry) => isSame(entry, manager))?.time : now;
  const entries = entriesAfter(change, manager, { set: mine, time });
  const object = withLastApplied(copyOf(merged) as AnyObject, started.config, manager.manager);
  return { object, entries };
}

/** What is there before the first apply becomes its own manager's, so that taking it over is a conflict or an agreement. */
function withEntries(application: Application): Application {
  const { entries, live, manager, schema, now } = application;
  if (entries.length > 0) return application;
  const before: Manager = { ...manager, manager: BEFORE, operation: 'Update' };
  const change: Change = { ...changeOf(application, live), old: zeroOf(schema) };
  return { ...application, entries: track(change, before, now) };
}

function changeOf({ live, entries, manager, versions, filter }: Application, next: object): Change {
  return { old: live, next, entries, version: manager.apiVersion, versions, filter };
}

interface Merged {
  /** The live object itself when nothing changes. */
  readonly merged: object;
  readonly change: Change;
  /** What the manager owns now; undefined for nothing. */
  readonly mine: FieldSet | undefined;
}

function mergeAndPrune(application: Application): Merged {
  const { live, config, entries, manager, schema, versions, filter } = application;
  const version = manager.apiVersion;
  const mine = filtered(fieldSetOf(schema, config), filter(version));
  const last = entries.find((entry) => isSame(entry, manager));
  let merged = merge(schema, live, config) as object;
  if (last) {
    const owned = ownedByVersion(entries, last, { set: mine, version });
    merged = prune({ merged, version, last: { set: last.fieldsV1, version: last.apiVersion }, owned, versions });
  }
  if (isEqual(live, merged)) merged = live;
  return { merged, mine, change: changeOf(application, merged) };
}

function ownedByVersion(
  entries: readonly Entry[],
  last: Entry,
  mine: { set: FieldSet | undefined; version: string },
): Map<string, FieldSet> {
  const owned = new Map<string, FieldSet>();
  const add = (version: string, set: FieldSet | undefined): void => {
    const both = union(owned.get(version), set);
    if (both) owned.set(version, both);
  };
  for (const entry of entries) if (entry !== last) add(entry.apiVersion, entry.fieldsV1);
  add(mine.version, mine.set);
  return owned;
}

function conflictsOf(change: Change, manager: Manager): Conflict[] {
  return change.entries
    .filter((entry) => !isSame(entry, manager))
    .flatMap((entry) => {
      const fields = intersection(entry.fieldsV1, compareAt(change, entry.apiVersion)?.changed);
      return fields ? [{ entry, fields }] : [];
    });
}

/** What kubectl itself applied the old way, and nobody changed since, is no conflict when kubectl applies it the new way. */
function refusable({ live, schema, manager }: Application, conflicts: readonly Conflict[]): readonly Conflict[] {
  if (conflicts.length === 0 || manager.manager !== KUBECTL) return conflicts;
  const allowed = allowedConflicts(schema, live, manager.apiVersion);
  return conflicts.flatMap(({ entry, fields }) => {
    const rest = difference(fields, allowed);
    return rest ? [{ entry, fields: rest }] : [];
  });
}

const STRIPPED: FieldSet = {
  'f:apiVersion': leaf(),
  'f:kind': leaf(),
  'f:metadata': { '.': leaf(), ...Object.fromEntries([...UNOWNED].map((name) => [fieldElement(name), leaf()])) },
};

function entriesAfter(
  change: Change,
  manager: Manager,
  mine: { set: FieldSet | undefined; time: string | undefined },
): readonly Entry[] {
  const comparison = compareAt(change, change.version) ?? {};
  const left = takenAway(change, comparison).filter((entry) => !isSame(entry, manager));
  const set = difference(mine.set, STRIPPED);
  if (set) left.push(entryOf(manager, set, mine.time));
  return sorted(left);
}
