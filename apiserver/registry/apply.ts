// PATCH of type apply: the configuration one manager wants, made part of the object, which is created when it is not there
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/patch.go, applyPatcher).
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf, type ObjectMeta, parseApiVersion } from '../../api/object.ts';
import { linesOf } from '../../api/schema/decode.ts';
import { applyDefaults } from '../../api/schema/defaults.ts';
import { JsonError, parseJson, TOO_DEEP } from '../../api/schema/json.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { StatusError } from '../../api/status.ts';
import { rfc3339 } from '../../host/clock.ts';
import { mediaType } from '../http/negotiation.ts';
import type { ParsedYaml } from '../http/yaml.ts';
import { checkTyped } from '../managed-fields/applied-set.ts';
import { type Applied, apply as applyTo } from '../managed-fields/apply.ts';
import { type Entry, storedEntries } from '../managed-fields/entries.ts';
import { keep, managerOf, versionsOf } from '../managed-fields/ownership.ts';
import { TypedError } from '../managed-fields/path-element.ts';
import type { Versions } from '../managed-fields/prune.ts';
import { type FieldFilter, resetFields } from '../managed-fields/reset-fields.ts';
import { zeroOf } from '../managed-fields/track.ts';
import { keyFor } from './codec.ts';
import { createObject } from './create.ts';
import { decodeValue, fieldValidation } from './decode.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { alignName, change, nameless } from './update.ts';
import { unclassified } from './versions.ts';
import { checkWriteOptions } from './write-options.ts';

export const APPLY = 'application/apply-patch+yaml';

type Shape = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

export function isApply(call: Call): boolean {
  return mediaType(call.headers['content-type']) === APPLY;
}

/** Answers 201 when it created the object. */
export async function apply(registry: Registry, call: Call): Promise<Answer> {
  const config = await readConfiguration(call, call.kind);
  const applied = (live: AnyObject | undefined): Applied =>
    applyConfiguration(registry, call, { config, live, ...resourceTerms(registry, call) });
  const mayCreate = call.subresource === '';
  if (mayCreate && !registry.store.get(keyFor(call.kind, call.namespace, call.name))) {
    try {
      return await createApplied(registry, call, applied(undefined));
    } catch (error) {
      // Somebody else created it meanwhile: then there is something to merge with.
      if (!(error instanceof StatusError) || error.reason !== 'AlreadyExists') throw error;
    }
  }
  return change(registry, call, (current) => {
    const { object, entries } = applied(current);
    const next = complete(call, object);
    alignName(call, next);
    keep(next, entries);
    return next;
  });
}

async function createApplied(registry: Registry, call: Call, { object, entries }: Applied): Promise<Answer> {
  const { name, uid } = object.metadata;
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw StatusError.conflict(call.kind, call.name, why);
  }
  if (!name) throw nameless(call);
  const next = complete(call, object);
  alignName(call, next);
  // A version of what is not there is nobody's.
  delete next.metadata.resourceVersion;
  return createObject(registry, call, next, entries);
}

function complete(call: Call, object: AnyObject): AnyObject {
  const next = decodeValue(call, call.kind, object, { validation: 'Ignore' });
  applyDefaults(call.kind, next);
  return next;
}

/** What is applied to: an object of some shape, in some versions, of which some fields are not taken. */
export interface Terms {
  readonly shape: Shape;
  readonly versions: Versions<object>;
  readonly filter: (version: string) => FieldFilter | undefined;
}

function resourceTerms({ catalogue }: Registry, { kind, subresource }: Call): Terms {
  return { shape: kind, versions: versionsOf(catalogue, kind), filter: () => resetFields(kind, subresource) };
}

/** `live` is undefined when there is nothing yet. Throws 409 for conflicts. */
export function applyConfiguration(
  registry: Registry,
  call: Call,
  { config, live, shape, versions, filter }: Terms & { config: AnyObject; live: AnyObject | undefined },
): Applied {
  const { schema } = shape;
  const version = apiVersionOf(shape.group, shape.version);
  const entries: readonly Entry[] = storedEntries(live?.metadata.managedFields);
  const force = isForced(call.query);
  const manager = { ...managerOf(call, 'Apply'), apiVersion: version };
  const now = rfc3339(registry.clock.now());
  const from = live ?? ({ ...zeroOf(schema), kind: shape.kind, apiVersion: version } as AnyObject);
  try {
    return applyTo({ live: from, config, entries, manager, force, schema, versions, filter, now });
  } catch (error) {
    if (error instanceof TypedError) throw unclassified(`failed to merge config: ${error.message}`);
    throw error;
  }
}

function isForced(query: URLSearchParams): boolean {
  const force = query.get('force')?.toLowerCase();
  return force !== undefined && force !== 'false' && force !== '0';
}

/**
 * The body as the configuration of a `shape`. Throws 422 for bad options, 400 for another kind and for text that is no YAML, and 500
 * (as upstream does) for fields and values that the kind does not have.
 */
export async function readConfiguration(call: Call, shape: Shape): Promise<AnyObject> {
  checkWriteOptions(call.query, 'PatchOptions', 'apply');
  const { value, problem } = await readYaml(call.body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw StatusError.badRequest(
      'error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}',
    );
  }
  const config = value as AnyObject;
  checkKind(config, shape);
  if (config.metadata?.managedFields) throw StatusError.badRequest('metadata.managedFields must be nil');
  check(shape.schema, config, shape);
  if (problem) tellStrict(call, `error converting YAML to JSON: ${problem}`);
  config.metadata ??= {} as ObjectMeta;
  return config;
}

/** JSON is YAML, and read faster as what it is. What is wrong with a text, and which keys it repeats, the YAML reader knows. */
async function readYaml(body: Buffer): Promise<ParsedYaml> {
  const text = body.toString();
  if (/^\s*\{/.test(text)) {
    try {
      const { value, keys } = parseJson(text, { duplicates: true });
      if (keys.length === 0) return { value };
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      if (error.message.endsWith(TOO_DEEP)) throw StatusError.badRequest(`error decoding YAML: ${TOO_DEEP}`);
    }
  }
  const { parseYaml, YamlError } = await import('../http/yaml.ts');
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw StatusError.badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
  }
}

/** Keys given twice are refused or warned of, as the client asks. */
function tellStrict(call: Call, problem: string): void {
  const validation = fieldValidation(call.query);
  if (validation === 'Strict') throw StatusError.badRequest(`error strict decoding YAML: ${problem}`);
  if (validation === 'Warn') for (const line of linesOf(problem)) call.warn(line);
}

function checkKind({ kind, apiVersion }: Partial<AnyObject>, shape: Shape): void {
  if (kind === shape.kind && apiVersion === apiVersionOf(shape.group, shape.version)) return;
  throw StatusError.badRequest(`invalid object type: ${named(apiVersion, kind)}`);
}

/** As Go prints a kind: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. */
function named(apiVersion = '', kind = ''): string {
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}

function check(schema: Schema, config: AnyObject, shape: Shape): void {
  try {
    checkTyped(schema, config);
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    const { namespace = '', name = '' } = config.metadata ?? {};
    const what = `${namespace}/${name}; ${named(apiVersionOf(shape.group, shape.version), shape.kind)}`;
    throw unclassified(`failed to create typed patch object (${what}): ${error.message}`);
  }
}
