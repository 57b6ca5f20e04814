// PATCH: JSON patch, JSON merge patch, strategic merge patch; then the same way as every change.
// (k8s.io/apiserver v0.36 pkg/endpoints/handlers/patch.go.)
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { applyJsonPatch } from '../../api/patch/json.ts';
import { applyMergePatch } from '../../api/patch/merge.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic.ts';
import { fieldProblems } from '../../api/schema/decode.ts';
import { applyDefaults } from '../../api/schema/defaults.ts';
import { JsonError, type Key, type ParsedJson, parseJson } from '../../api/schema/json.ts';
import { StatusError } from '../../api/status.ts';
import { mediaType } from '../http/negotiation.ts';
import { trackWrite } from '../managed-fields/ownership.ts';
import { apply, isApply } from './apply.ts';
import { decodeValue, fieldValidation } from './decode.ts';
import type { Answer, Call, Registry } from './registry.ts';
import { alignName, change } from './update.ts';
import { checkWriteOptions } from './write-options.ts';

type Shape = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

/** How one kind of patch turns an object into the next. */
type Apply = (shape: Shape, current: unknown, patch: unknown) => unknown;

const PATCHES: Readonly<Record<string, Apply>> = {
  'application/json-patch+json': (_shape, current, patch) => applyJsonPatch(current, patch),
  'application/merge-patch+json': (_shape, current, patch) => applyMergePatch(current, patch),
  'application/strategic-merge-patch+json': (shape, current, patch) =>
    applyStrategicMergePatch(shape.schema, current, patch),
};

export async function patch(registry: Registry, call: Call): Promise<Answer> {
  if (isApply(call)) return apply(registry, call);
  const transform = patchOf(call, call.kind);
  return change(registry, call, (current) => {
    const object = transform(current);
    applyDefaults(call.kind, object);
    alignName(call, object);
    trackWrite(registry, call, current, object);
    return object;
  });
}

/**
 * Reads the patch once and answers what it does to an object of `shape`. Throws 400 for a patch that cannot be read, 415 for
 * an unknown type; the answer throws 422 for a result that is no such object.
 */
export function patchOf(call: Call, shape: Shape): (current: AnyObject) => AnyObject {
  checkWriteOptions(call.query, 'PatchOptions');
  const apply = PATCHES[mediaType(call.headers['content-type'])];
  if (!apply) throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  const validation = fieldValidation(call.query);
  const { value, keys } = readPatch(call.body, validation !== 'Ignore');
  const found = problemsOf(value, keys);
  return (current) => {
    const next = apply(shape, current, value);
    try {
      return decodeValue(call, shape, next, { validation, found });
    } catch (error) {
      if (error instanceof StatusError && error.code === 400) throw unusable(next, error);
      throw error;
    }
  };
}

function readPatch(body: Buffer, duplicates: boolean): ParsedJson {
  try {
    return parseJson(body.toString(), { duplicates });
  } catch (error) {
    if (error instanceof JsonError) throw StatusError.badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}

const OPERATION = ['op', 'path', 'from', 'value'];

/** What a strict decoder says of the patch itself: a JSON patch has known fields, any other may have all. */
function problemsOf(patch: unknown, keys: readonly Key[]): string[] {
  if (!Array.isArray(patch)) return fieldProblems([], keys);
  const unknown = patch.flatMap((operation: unknown, i) => {
    const names = typeof operation === 'object' && operation !== null ? Object.keys(operation) : [];
    return names.filter((name) => !OPERATION.includes(name)).map((name) => `[${i}].${name}`);
  });
  return fieldProblems(unknown, keys).map((problem) => `json patch ${problem}`);
}

/** A patch whose result is no object of the kind: 422, and the result quoted. */
function unusable(result: unknown, why: StatusError): StatusError {
  const message = `Invalid value: ${JSON.stringify(JSON.stringify(result))}: ${why.message.replace(/^.* cannot be handled as a \w+: /, '')}`;
  return new StatusError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
  });
}
