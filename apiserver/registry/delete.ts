// DELETE of one object: preconditions, propagation finalizers, grace
// (k8s.io/apiserver v0.36 pkg/registry/rest/delete.go, pkg/registry/generic/registry/store.go).
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { rfc3339 } from '../../host/clock.ts';
import { type Entry, PreconditionError } from '../storage/store.ts';
import { admitDelete } from './admit.ts';
import { decodeStored, encodeStored, keyFor } from './codec.ts';
import { type DeleteOptions, readDeleteOptions } from './delete-options.ts';
import type { Answer, Call, Registry } from './registry.ts';

const ATTEMPTS = 20;
const ORPHAN = 'orphan';
const PODS_STAY =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';
const FOREGROUND = 'foregroundDeletion';

export async function remove(registry: Registry, call: Call): Promise<Answer> {
  const options = await readDeleteOptions(registry, call);
  if (call.kind.group === 'batch' && call.kind.kind === 'Job' && !options.propagationPolicy) call.warn(PODS_STAY);
  return removeObject(registry, call, options);
}

/** Deletes the object `call` names, or marks it for deletion while a finalizer or its grace period holds it. */
export async function removeObject(registry: Registry, call: Call, options: DeleteOptions): Promise<Answer> {
  const { kind } = call;
  const key = keyFor(kind, call.namespace, call.name);
  admitDelete(registry, call);
  for (let attempt = 1; ; attempt++) {
    const entry = registry.store.get(key);
    if (!entry) throw StatusError.notFound(kind, call.name);
    const object = decodeStored(kind, entry.value);
    checkPreconditions(kind, object, options);
    try {
      return await step(registry, call, object, entry, options);
    } catch (error) {
      if (!(error instanceof PreconditionError) || error.key !== key || attempt >= ATTEMPTS) throw error;
    }
  }
}

function checkPreconditions(kind: Kind, { metadata }: AnyObject, { preconditions }: DeleteOptions): void {
  const subject = { group: kind.group, plural: kind.kind };
  const differ = (what: string, asked: string, is: string | undefined): StatusError => {
    const why = `the ${what} in the precondition (${asked}) does not match the ${what} in record (${is}). The object might have been`;
    return StatusError.conflict(
      subject,
      metadata.name,
      `${why} ${what === 'UID' ? 'deleted and then recreated' : 'modified'}`,
    );
  };
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid) throw differ('UID', uid, metadata.uid);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw differ('ResourceVersion', resourceVersion, metadata.resourceVersion);
  }
}

async function step(
  registry: Registry,
  call: Call,
  object: AnyObject,
  entry: Entry,
  options: DeleteOptions,
): Promise<Answer> {
  const { kind } = call;
  const finalizers = finalizersFor(kind, object, options);
  const grace = graceFor(kind, object, options);
  const isHeld = finalizers.length > 0 || holdsItself(object) || grace > 0;
  const isGraceful = kind.rules.gracePeriodSeconds !== undefined;
  // What goes at once and silently is not marked: its last state is the one that was seen before.
  const marked = (isHeld || isGraceful) && mark(registry, object, finalizers, grace);
  if (options.dryRun) return isHeld ? { type: 'object', status: 200, object } : gone(kind, object);
  if (!isHeld && !marked) return drop(registry, kind, object, entry);
  if (!marked) return { type: 'stored', status: 200, value: entry.value };
  const next = await save(registry, kind, object, entry);
  // What has a grace period is seen deleted with period 0 before it goes (upstream: MODIFIED, then DELETED).
  if (isHeld) return { type: 'stored', status: 200, value: next.value };
  return drop(registry, kind, decodeStored(kind, next.value), next);
}

/** The finalizers the object has once the propagation policy is written into them. */
function finalizersFor(kind: Kind, { metadata }: AnyObject, { propagationPolicy }: DeleteOptions): string[] {
  const has = metadata.finalizers ?? [];
  const kept = has.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  const policy = propagationPolicy ?? policyOf(has) ?? kind.rules.defaultPropagation ?? 'Background';
  if (policy === 'Orphan') kept.push(ORPHAN);
  if (policy === 'Foreground') kept.push(FOREGROUND);
  return kept;
}

function policyOf(finalizers: readonly string[]): 'Orphan' | 'Foreground' | undefined {
  if (finalizers.includes(ORPHAN)) return 'Orphan';
  return finalizers.includes(FOREGROUND) ? 'Foreground' : undefined;
}

/** Seconds the object may still live. Negative asks for the shortest there is; a period once begun can only be shortened. */
function graceFor(kind: Kind, object: AnyObject, { gracePeriodSeconds }: DeleteOptions): number {
  const own = kind.rules.gracePeriodSeconds?.(object);
  if (own === undefined || isNobodys(object)) return 0;
  const asked = gracePeriodSeconds === undefined ? own : gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return asked;
  return gracePeriodSeconds === undefined ? deletionGracePeriodSeconds : Math.min(asked, deletionGracePeriodSeconds);
}

/** Nothing runs for it any more, or yet: a pod without a node, or one that has ended, has nothing to stop. */
function isNobodys(object: AnyObject): boolean {
  const spec = object.spec as { nodeName?: string } | undefined;
  const status = object.status as { phase?: string } | undefined;
  return !spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** A namespace goes when its own `spec.finalizers` are gone. */
function holdsItself(object: AnyObject): boolean {
  const spec = object.spec as { finalizers?: string[] } | undefined;
  return object.kind === 'Namespace' && (spec?.finalizers?.length ?? 0) > 0;
}

/** Writes the deletion into the object; false when it said all that before. */
function mark(registry: Registry, object: AnyObject, finalizers: string[], grace: number): boolean {
  const { metadata } = object;
  if (holdsItself(object)) return markNamespace(registry, object, finalizers);
  const before = JSON.stringify([metadata.deletionGracePeriodSeconds, metadata.finalizers ?? []]);
  const wasMarked = metadata.deletionTimestamp !== undefined;
  if (JSON.stringify([grace, finalizers]) === before && wasMarked) return false;
  if (!wasMarked || grace !== metadata.deletionGracePeriodSeconds) {
    const asked = wasMarked
      ? Date.parse(metadata.deletionTimestamp!) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000
      : registry.clock.now();
    metadata.deletionTimestamp = rfc3339(asked + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  if (!wasMarked && metadata.generation) metadata.generation += 1;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  return true;
}

/** A namespace has no grace period, and says by its phase that it goes. */
function markNamespace(registry: Registry, object: AnyObject, finalizers: string[]): boolean {
  const { metadata } = object;
  if (metadata.deletionTimestamp) return false;
  metadata.deletionTimestamp = rfc3339(registry.clock.now());
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  object.status = { ...(object.status as object), phase: 'Terminating' };
  return true;
}

async function save(registry: Registry, kind: Kind, object: AnyObject, entry: Entry): Promise<Entry> {
  let value: Buffer | undefined;
  const encode = (revision: number): Buffer => {
    value = encodeStored(kind, object, revision);
    return value;
  };
  const modRevision = await registry.store.commit([{ key: entry.key, expect: entry.modRevision, value: encode }]);
  return { ...entry, value: value!, modRevision };
}

async function drop(registry: Registry, kind: Kind, object: AnyObject, entry: Entry): Promise<Answer> {
  const released = registry.services.releaseOps(kind, object);
  const revision = await registry.store.commit([{ key: entry.key, expect: entry.modRevision }, ...released]);
  registry.services.release(kind, object);
  object.metadata.resourceVersion = String(revision);
  return gone(kind, object);
}

/** What a DELETE that took the object away answers. */
function gone(kind: Kind, object: AnyObject): Answer {
  if (kind.rules.deleteAnswersObject) return { type: 'object', status: 200, object };
  const { name, uid } = object.metadata;
  const details = { name, ...(kind.group && { group: kind.group }), kind: kind.plural, uid };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return { type: 'other', status: 200, object: status };
}
