// JSON Merge Patch (RFC 7386).
import { copyOf, ownValue, setOwn } from '../object.ts';
import { StatusError } from '../status.ts';

/** A patched copy of `current`; `patch` is the parsed body. Throws StatusError 400 when it is no object. */
export function applyMergePatch(current: unknown, patch: unknown): unknown {
  return merge(copyOf(current), asPatch(patch, 'error decoding patch: '));
}

/** The parsed body of a merge or strategic merge patch, which must be an object; `preface` opens the complaint. */
export function asPatch(patch: unknown, preface = ''): Record<string, unknown> {
  if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) return patch as Record<string, unknown>;
  const what = Array.isArray(patch) ? 'array' : typeof patch === 'boolean' ? 'bool' : typeof patch;
  throw StatusError.badRequest(
    `${preface}json: cannot unmarshal ${what} into Go value of type map[string]interface {}`,
  );
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return copyOf(patch);
  const object = isMap(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete object[key];
    else setOwn(object, key, merge(ownValue(object, key), value));
  }
  return object;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
