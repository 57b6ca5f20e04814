// JSON Patch (RFC 6902), with what upstream's library does beyond it: `replace` of a missing map key adds it, and negative
// array indices count from the end.
import { copyOf, isEqual, setOwn } from '../object.ts';
import { StatusError } from '../status.ts';

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** Upstream's bound on the operations of one patch. */
const MAX_OPERATIONS = 10_000;

/**
 * A patched copy of `current`; `patch` is the parsed body. Throws StatusError: 400 when it is no list of operations, 413
 * when there are too many, 422 when one does not apply.
 */
export function applyJsonPatch(current: unknown, patch: unknown): unknown {
  const operations = operationsOf(patch);
  const root = { document: copyOf(current) };
  for (const operation of operations) apply(root, operation);
  return root.document;
}

function operationsOf(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) {
    const what = patch === null || typeof patch !== 'object' ? typeof patch : 'object';
    throw StatusError.badRequest(
      `error decoding patch: json: cannot unmarshal ${what} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (patch.length > MAX_OPERATIONS) {
    throw StatusError.requestTooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  return patch.map(operationOf);
}

/** Null is an operation without an `op`. */
function operationOf(item: unknown): Operation {
  if (typeof item === 'object' && !Array.isArray(item)) return (item ?? {}) as Operation;
  const what = Array.isArray(item) ? 'array' : typeof item === 'boolean' ? 'bool' : typeof item;
  throw StatusError.badRequest(
    `error decoding patch: json: cannot unmarshal ${what} into Go value of type jsonpatch.Operation`,
  );
}

interface Root {
  document: unknown;
}

function apply(root: Root, operation: Operation): void {
  const { op, path, from } = operation;
  if (typeof path !== 'string') refuse();
  switch (op) {
    case 'add':
      add(root, path, copyOf(operation.value ?? null));
      return;
    case 'remove':
      remove(root, path);
      return;
    case 'replace':
      replace(root, path, copyOf(operation.value ?? null));
      return;
    case 'move': {
      const value = valueAt(root, from);
      remove(root, from!);
      add(root, path, value);
      return;
    }
    case 'copy':
      add(root, path, copyOf(valueAt(root, from)));
      return;
    case 'test':
      if (!isEqual(valueAt(root, path, 'absent is null'), operation.value ?? null)) refuse();
      return;
    default:
      refuse();
  }
}

function add(root: Root, path: string, value: unknown): void {
  const { parent, key } = place(root, path);
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : indexOf(key, parent.length + 1), 0, value);
  else setOwn(parent, key, value);
}

function remove(root: Root, path: string): void {
  const { parent, key } = place(root, path);
  if (Array.isArray(parent)) parent.splice(indexOf(key, parent.length), 1);
  else if (Object.hasOwn(parent, key)) delete parent[key];
  else refuse();
}

function replace(root: Root, path: string, value: unknown): void {
  const { parent, key } = place(root, path);
  if (Array.isArray(parent)) parent[indexOf(key, parent.length)] = value;
  else setOwn(parent, key, value);
}

function valueAt(root: Root, path: string | undefined, absent?: 'absent is null'): unknown {
  if (typeof path !== 'string') refuse();
  const { parent, key } = place(root, path);
  if (Array.isArray(parent)) return parent[indexOf(key, parent.length)];
  if (Object.hasOwn(parent, key)) return parent[key];
  return absent ? null : refuse();
}

/** The map or list that holds what `path` names; the root itself is the key `document` of a map of its own. */
function place(root: Root, path: string): { parent: Record<string, unknown> | unknown[]; key: string } {
  if (path === '') return { parent: root as unknown as Record<string, unknown>, key: 'document' };
  if (!path.startsWith('/')) refuse();
  const keys = path
    .slice(1)
    .split('/')
    .map((word) => word.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: unknown = root.document;
  for (const key of keys.slice(0, -1)) parent = step(parent, key);
  if (typeof parent !== 'object' || parent === null) refuse();
  return { parent: parent as Record<string, unknown>, key: keys[keys.length - 1] };
}

function step(parent: unknown, key: string): unknown {
  if (Array.isArray(parent)) return parent[indexOf(key, parent.length)];
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) refuse();
  return (parent as Record<string, unknown>)[key];
}

function indexOf(key: string, length: number): number {
  if (!/^-?(0|[1-9]\d*)$/.test(key)) refuse();
  const index = Number(key) < 0 ? Number(key) + length : Number(key);
  return index >= 0 && index < length ? index : refuse();
}

/** What the API server answers to every operation that does not apply. */
function refuse(): never {
  throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}
