// POST of a new object. Order: decode → default → namespace → identity → owners → prepare → admit → validate → allocate → store.
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { Entry } from '../managed-fields/entries.ts';
import { keep, trackWrite } from '../managed-fields/ownership.ts';
import { PreconditionError } from '../storage/store.ts';
import { admit } from './admit.ts';
import { encodeStored, keyFor } from './codec.ts';
import { decodeObject } from './decode.ts';
import { alignNamespace, birth } from './metadata.ts';
import { checkNamespace } from './namespace.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { isDryRun, writeOf } from './registry.ts';
import { validateCreate } from './validate.ts';
import { unclassified } from './versions.ts';
import { checkWriteOptions } from './write-options.ts';

/** How often a generated name that is taken is made anew (upstream: 8). */
const NAME_ATTEMPTS = 8;

export async function create(registry: Registry, call: Call): Promise<Answer> {
  checkWriteOptions(call.query, 'CreateOptions');
  for (let attempt = 1; ; attempt++) {
    const object = await decodeObject(call);
    const isGenerated = !object.metadata.name && Boolean(object.metadata.generateName);
    try {
      return await createObject(registry, call, object);
    } catch (error) {
      const isTaken = error instanceof StatusError && error.reason === 'AlreadyExists';
      if (!isGenerated || !isTaken || attempt >= NAME_ATTEMPTS) throw error;
    }
  }
}

/**
 * Stores `object` (decoded and defaulted, private, changed in place) as a new one. Its fields are the request's manager's, unless
 * `owners` says whose.
 */
export async function createObject(
  registry: Registry,
  call: Call,
  object: AnyObject,
  owners?: readonly Entry[],
): Promise<Answer> {
  const { kind } = call;
  const { resourceVersion } = object.metadata;
  alignNamespace(call, object);
  checkNamespace(registry.store, call, object.metadata.name);
  birth(object, registry.clock.now());
  // What the server itself fills in from here on is nobody's.
  if (owners) keep(object, owners);
  else trackWrite(registry, call, undefined, object);
  if (!kind.rules.prepareForCreate && kind.subresources.has('status')) delete object.status;
  kind.rules.prepareForCreate?.(object, writeOf(registry, call));
  await admit(registry, call, object, undefined);
  registry.services.settle(kind, object, undefined);
  validateCreate(kind, object, registry.store);
  for (const warning of kind.rules.warnings?.(object, undefined) ?? []) call.warn(warning);
  if (!isDryRun(call)) refuseVersion(resourceVersion);
  return store(registry, call, object);
}

/** Upstream's storage is the first to mind, and only a version that could be one. Throws 500. */
function refuseVersion(version: string | undefined): void {
  if (version === undefined || !/^0*[1-9]\d*$/.test(version)) return;
  throw unclassified('resourceVersion should not be set on objects to be created');
}

async function store(registry: Registry, call: Call, object: AnyObject): Promise<Answer> {
  const { kind } = call;
  const key = keyFor(kind, call.namespace, object.metadata.name);
  const existing = registry.store.get(key);
  if (existing) throw alreadyExists(call, object, existing.value);
  const allocation = await registry.services.allocate(kind, object, undefined, { dryRun: isDryRun(call) });
  if (isDryRun(call)) {
    allocation.cancel();
    return { type: 'object', status: 201, object };
  }
  let value: Buffer | undefined;
  const encode = (revision: number): Buffer => {
    value = encodeStored(kind, object, revision);
    return value;
  };
  try {
    await registry.store.commit([{ key, expect: 0, value: encode }, ...allocation.ops(registry.clock.now())]);
  } catch (error) {
    allocation.cancel();
    if (!(error instanceof PreconditionError)) throw error;
    throw allocation.refusalOf(error.key) ?? alreadyExists(call, object, error.current?.value);
  }
  allocation.settle();
  return { type: 'stored', status: 201, value: value! };
}

function alreadyExists({ kind }: Call, object: AnyObject, existing: Buffer | undefined): StatusError {
  const error = StatusError.alreadyExists(kind, object.metadata.name);
  const isLeaving = existing !== undefined && JSON.parse(existing.toString()).metadata.deletionTimestamp !== undefined;
  if (!isLeaving) return error;
  return new StatusError(409, 'AlreadyExists', `object is being deleted: ${error.message}`, error.status.details);
}
