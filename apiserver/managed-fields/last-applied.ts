// The annotation in which `kubectl apply` of the client's side keeps what it applied. When kubectl applies on the server's side, it
// lets it take over its own fields, and is kept up to date
// (k8s.io/apimachinery v0.36 pkg/util/managedfields/internal/lastappliedmanager.go, lastappliedupdater.go).
import type { AnyObject } from '../../api/object.ts';
import type { Schema } from '../../api/schema/schema.ts';
import { checkTyped, fieldSetOf } from './applied-set.ts';
import { compare } from './compare.ts';
import { difference, type FieldSet } from './field-set.ts';
import { TypedError } from './path-element.ts';

/** The manager that `kubectl apply --server-side` is unless told otherwise. */
export const KUBECTL = 'kubectl';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** Bytes all annotations of an object may have together. */
const MAX_ANNOTATIONS = 256 * 1024;

/** The fields that the annotation says and the live object still has so. */
export function allowedConflicts(schema: Schema, live: AnyObject, apiVersion: string): FieldSet | undefined {
  const text = live.metadata.annotations?.[ANNOTATION];
  if (!text) return undefined;
  try {
    const last = JSON.parse(text) as AnyObject;
    if (last.apiVersion !== apiVersion) return undefined;
    checkTyped(schema, last);
    const { changed, removed } = compare(schema, last, live);
    return difference(difference(fieldSetOf(schema, last), changed), removed);
  } catch (error) {
    // An annotation that cannot be read allows nothing.
    if (error instanceof SyntaxError || error instanceof TypedError) return undefined;
    throw error;
  }
}

/** `object`, changed in place: its annotation says `config` when it has one and kubectl applies. */
export function withLastApplied(object: AnyObject, config: AnyObject, manager: string | undefined): AnyObject {
  const { annotations } = object.metadata;
  if (manager !== KUBECTL || !annotations?.[ANNOTATION]) return object;
  annotations[ANNOTATION] = encode(config);
  let size = 0;
  for (const [name, value] of Object.entries(annotations)) size += Buffer.byteLength(name) + Buffer.byteLength(value);
  if (size > MAX_ANNOTATIONS) delete annotations[ANNOTATION];
  return object;
}

/** As Go's encoder writes it: keys in order, a line feed at the end, and nothing a browser would take for markup. */
function encode(config: AnyObject): string {
  const { [ANNOTATION]: _own, ...annotations } = config.metadata?.annotations ?? {};
  const metadata = { ...config.metadata, ...(config.metadata?.annotations && { annotations }) };
  const text = JSON.stringify({ ...config, metadata }, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${text.replace(/[<>&\u2028\u2029]/g, escaped)}\n`;
}
