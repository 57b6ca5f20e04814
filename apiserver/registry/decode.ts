// From a request's body to an object of a kind: read, decoded, defaulted.
import type { Kind } from '../../api/kind.ts';
import type { AnyObject } from '../../api/object.ts';
import { type DecodeOptions, decode, type FieldValidation } from '../../api/schema/decode.ts';
import { applyDefaults } from '../../api/schema/defaults.ts';
import { readBody } from '../http/body.ts';
import type { Call } from './registry.ts';

type Shape = Pick<Kind, 'group' | 'version' | 'kind' | 'schema'>;

/** `?fieldValidation`, Warn when absent; `checkWriteOptions` has refused everything else. */
export function fieldValidation(query: URLSearchParams): FieldValidation {
  return (query.get('fieldValidation') || 'Warn') as FieldValidation;
}

/** The body as an object of `shape`, without defaults. Unknown fields are refused or warned about. Throws 400, 415. */
export async function decodeBody(call: Call, shape: Shape): Promise<AnyObject> {
  const validation = fieldValidation(call.query);
  const { value, keys, found } = await readBody({
    contentType: call.headers['content-type'],
    body: call.body,
    kind: shape.kind,
    schema: shape.schema,
    duplicates: validation !== 'Ignore',
  });
  return decodeValue(call, shape, value, { validation, keys, found });
}

/** The same for a value that was read already, such as a patched object. */
export function decodeValue(call: Call, shape: Shape, value: unknown, options: DecodeOptions): AnyObject {
  // An empty list says that nobody owns anything; everywhere else it says nothing, and is dropped.
  const forgets = isEmptyList((value as Partial<AnyObject> | null)?.metadata?.managedFields);
  const { object, warnings } = decode(shape, value, options);
  if (forgets) object.metadata.managedFields = [];
  for (const warning of warnings) call.warn(warning);
  return object;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The body as an object of the call's kind, with its defaults. */
export async function decodeObject(call: Call): Promise<AnyObject> {
  const object = await decodeBody(call, call.kind);
  applyDefaults(call.kind, object);
  return object;
}
