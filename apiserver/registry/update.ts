// PUT, and what every other change of an existing object goes through: `change`. Order: decode → default → owners → identity and
// version → prepare → admit → validate → allocate → store, unless nothing changed.
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, copyOf, isEqual } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import { isEqualButTimes } from '../managed-fields/entries.ts';
import { trackWrite } from '../managed-fields/ownership.ts';
import { type Entry, PreconditionError } from '../storage/store.ts';
import { admit } from './admit.ts';
import { decodeStored, encodeStored, keyFor } from './codec.ts';
import { createObject } from './create.ts';
import { decodeObject } from './decode.ts';
import { alignNamespace, keepIdentity } from './metadata.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { isDryRun, writeOf } from './registry.ts';
import { validateUpdate } from './validate.ts';
import { writtenVersion } from './versions.ts';
import { checkWriteOptions } from './write-options.ts';

/** Upstream gives a patch five tries, an unconditional update as many as it takes; both end here. */
const ATTEMPTS = 20;

export async function update(registry: Registry, call: Call): Promise<Answer> {
  checkWriteOptions(call.query, 'UpdateOptions');
  const object = await decodeObject(call);
  const { kind, name } = call;
  alignName(call, object);
  const existing = registry.store.get(keyFor(kind, call.namespace, name));
  if (!existing && kind.rules.createOnUpdate && !call.subresource) {
    // A version of what is not there is nobody's: it is dropped, as upstream does.
    delete object.metadata.resourceVersion;
    return createObject(registry, call, object);
  }
  let next: AnyObject | undefined = object;
  return change(registry, call, async (current) => {
    // Each attempt needs a private copy: what is prepared against one version must not leak into the next.
    const attempt = next ?? (await decodeObject(call));
    next = undefined;
    alignName(call, attempt);
    checkUid(call, attempt, current);
    trackWrite(registry, call, current, attempt);
    return attempt;
  });
}

/** Throws 400 when the body is about another object than the path, or does not say about which. */
export function alignName(call: Call, object: AnyObject): void {
  const { metadata } = object;
  if (!metadata.name) throw nameless(call);
  if (metadata.name !== call.name) {
    throw StatusError.badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${call.name})`,
    );
  }
  alignNamespace(call, object);
}

/** 400 for an object that lost its name, or never had one. */
export function nameless({ name }: Call): StatusError {
  return StatusError.badRequest(
    `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
  );
}

/** Makes the next state from the current one; both are private copies. */
export type Transform = (current: AnyObject, entry: Entry) => Promise<AnyObject> | AnyObject;

/**
 * Reads the object, transforms it and stores the result; when somebody else was faster it begins again. A change that names the
 * version it was made for meets another one then, and is refused. Throws 404, 409, 422.
 */
export async function change(registry: Registry, call: Call, transform: Transform): Promise<Answer> {
  const { kind } = call;
  const key = keyFor(kind, call.namespace, call.name);
  for (let attempt = 1; ; attempt++) {
    const entry = registry.store.get(key);
    if (!entry) throw StatusError.notFound(kind, call.name);
    const old = decodeStored(kind, entry.value);
    const object = await transform(copyOf(old), entry);
    checkVersion(call, object, entry);
    await prepare(registry, call, object, old);
    try {
      return await storeChange(registry, call, object, old, entry);
    } catch (error) {
      if (!(error instanceof PreconditionError) || error.key !== key) throw error;
      if (attempt >= ATTEMPTS) throw StatusError.modified(kind, call.name);
    }
  }
}

/** Throws 409 when the object names a version that is not the current one. */
function checkVersion({ kind, name }: Call, object: AnyObject, entry: Entry): void {
  const version = writtenVersion(object.metadata.resourceVersion);
  if (version !== 0 && version !== entry.modRevision) throw StatusError.modified(kind, name);
}

/** An update is of the object that the client has seen; of a patch's uid, validation says that none changes. Throws 409. */
function checkUid(call: Call, object: AnyObject, old: AnyObject): void {
  const { kind, name, namespace } = call;
  const { uid } = object.metadata;
  if (!uid || uid === old.metadata.uid) return;
  const path = `${isDryRun(call) ? '' : '/registry'}/${kind.plural}/${namespace ? `${namespace}/` : ''}${name}`;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
  throw StatusError.conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

async function prepare(registry: Registry, call: Call, object: AnyObject, old: AnyObject): Promise<void> {
  const { kind, subresource } = call;
  const named = object.metadata.resourceVersion;
  keepIdentity(object, old);
  keepOtherHalf(kind, object, old, subresource);
  kind.rules.prepareForUpdate?.(object, old, subresource, writeOf(registry, call));
  await admit(registry, call, object, old);
  if (subresource === '') registry.services.settle(kind, object, old);
  validateUpdate(kind, object, old, { subresource, isConditional: Boolean(named), store: registry.store });
  for (const warning of kind.rules.warnings?.(object, old) ?? []) call.warn(warning);
}

/** An update of the object leaves its status alone, and one of the status all but it. */
function keepOtherHalf(kind: Kind, object: AnyObject, old: AnyObject, subresource: string): void {
  if (subresource === '' && kind.subresources.has('status')) {
    if (old.status === undefined) delete object.status;
    else object.status = old.status;
  }
  if (subresource !== 'status') return;
  const { metadata, status } = object;
  for (const field of Object.keys(object)) delete object[field];
  Object.assign(object, old, { metadata, ...(status !== undefined && { status }) });
  if (status === undefined) delete object.status;
}

async function storeChange(
  registry: Registry,
  call: Call,
  object: AnyObject,
  old: AnyObject,
  entry: Entry,
): Promise<Answer> {
  const { kind } = call;
  object.metadata.resourceVersion = old.metadata.resourceVersion;
  if (isUnchanged(object, old)) return { type: 'stored', status: 200, value: entry.value };
  const allocation = await registry.services.allocate(kind, object, old, { dryRun: isDryRun(call) });
  if (isDryRun(call)) {
    allocation.cancel();
    return { type: 'object', status: 200, object };
  }
  let value: Buffer | undefined;
  const encode = (revision: number): Buffer => {
    value = encodeStored(kind, object, revision);
    return value;
  };
  const isLast = isReadyToGo(object);
  try {
    const op = isLast ? {} : { value: encode };
    await registry.store.commit([
      { key: entry.key, expect: entry.modRevision, ...op },
      ...(isLast ? registry.services.releaseOps(kind, old) : allocation.ops(registry.clock.now())),
    ]);
  } catch (error) {
    allocation.cancel();
    throw (error instanceof PreconditionError && allocation.refusalOf(error.key)) || error;
  }
  allocation.settle();
  if (!isLast) return { type: 'stored', status: 200, value: value! };
  registry.services.release(kind, old);
  return { type: 'object', status: 200, object };
}

/** Writing what is there already is no change, and moves no time of its owner. */
function isUnchanged(object: AnyObject, old: AnyObject): boolean {
  const { managedFields } = object.metadata;
  if (!isEqualButTimes(managedFields, old.metadata.managedFields)) return false;
  const metadata = { ...object.metadata, managedFields: old.metadata.managedFields };
  return isEqual({ ...object, metadata }, old);
}

/** A deleted object whose last finalizer was just removed leaves the store with that write. */
function isReadyToGo(object: AnyObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (!deletionTimestamp || (deletionGracePeriodSeconds ?? 0) > 0 || (finalizers?.length ?? 0) > 0) return false;
  const spec = object.spec as { finalizers?: string[] } | undefined;
  return !(object.kind === 'Namespace' && (spec?.finalizers?.length ?? 0) > 0);
}
