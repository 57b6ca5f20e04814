// The stored form of objects: JSON with kind, apiVersion and metadata first and the resourceVersion inside, so that a GET
// answers with the stored bytes and a list is those bytes joined.
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, apiVersionOf } from '../../api/object.ts';

/** Where an object lives in the store; kinds of the cluster scope have an empty namespace. */
export function keyFor(kind: Kind, namespace: string, name: string): string {
  return kind.namespaced ? `${kind.storage}/${namespace}/${name}` : `${kind.storage}/${name}`;
}

/** The prefix of all objects of a kind, or of those in one namespace. */
export function prefixFor(kind: Kind, namespace: string): string {
  return namespace && kind.namespaced ? `${kind.storage}/${namespace}/` : `${kind.storage}/`;
}

/** What the store keeps for `object` when it is written in commit `revision`. */
export function encodeStored(kind: Kind, object: AnyObject, revision: number): Buffer {
  const stored = kind.rules.toStored ? kind.rules.toStored(object) : object;
  const { kind: name, apiVersion, metadata, ...rest } = stored;
  const complete = {
    kind: name ?? kind.kind,
    apiVersion: apiVersion ?? apiVersionOf(kind.group, kind.version),
    metadata: { ...metadata, resourceVersion: String(revision) },
    ...rest,
  };
  return Buffer.from(JSON.stringify(complete));
}

/** A private copy of a stored object, in this kind's version; it may be changed in place. */
export function decodeStored(kind: Kind, value: Buffer): AnyObject {
  const stored = JSON.parse(value.toString()) as AnyObject;
  return kind.rules.fromStored ? kind.rules.fromStored(stored) : stored;
}

/** Whether the stored bytes are this kind's JSON as they are. */
export function isStoredForm(kind: Kind): boolean {
  return kind.rules.fromStored === undefined;
}

/** The stored bytes in this kind's version. */
export function jsonOf(kind: Kind, value: Buffer): Buffer {
  return isStoredForm(kind) ? value : Buffer.from(JSON.stringify(decodeStored(kind, value)));
}

/**
 * A stored object as a list's item: without kind and apiVersion, which the list says once. Every stored object of a kind
 * begins with the same bytes, so that this is a cut.
 */
export function itemOf(kind: Kind, value: Buffer): Buffer {
  const json = jsonOf(kind, value);
  const head = headOf(kind);
  if (json.subarray(0, head.length).equals(head)) return json.subarray(head.length - METADATA_LENGTH);
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = JSON.parse(json.toString());
  return Buffer.from(JSON.stringify(rest).slice(1));
}

const METADATA = '"metadata":';
const METADATA_LENGTH = METADATA.length;
const heads = new WeakMap<Kind, Buffer>();

function headOf(kind: Kind): Buffer {
  let head = heads.get(kind);
  if (!head) {
    const apiVersion = apiVersionOf(kind.group, kind.version);
    head = Buffer.from(`{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersion)},${METADATA}`);
    heads.set(kind, head);
  }
  return head;
}
