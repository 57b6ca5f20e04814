// Continue tokens: where the next page of a list begins, and as of which revision. Opaque to clients
// (k8s.io/apiserver v0.36 pkg/storage/continue.go).
import { isUtf8 } from 'node:buffer';
import { JsonError, parseJson } from '../../api/schema/json.ts';
import { StatusError } from '../../api/status.ts';

const VERSION = 'meta.k8s.io/v1';

export interface Continuation {
  /** Absent: whatever is newest then, which is not what the list began with. */
  readonly revision?: number;
  /** Key of the first entry of the next page, relative to the list's prefix. */
  readonly from: string;
}

export function encodeContinue({ revision, from }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision ?? -1, start: from })).toString('base64url');
}

/** Throws 400. */
export function decodeContinue(token: string): Continuation {
  const { v, rv, start } = fieldsOf(token);
  if (v !== VERSION) throw invalid(`server does not recognize this encoded version ${v}`);
  if (rv === 0) throw invalid(`incorrect encoded start resourceVersion (version ${VERSION})`);
  if (start === '') throw invalid(`encoded start key empty (version ${VERSION})`);
  // A key goes down from the list's prefix, never up.
  if (start.split('/').some((word, i) => word === '.' || word === '..' || (word === '' && i > 0))) throw invalid(start);
  return rv < 0 ? { from: start } : { revision: rv, from: start };
}

interface Fields {
  readonly v: string;
  readonly rv: number;
  readonly start: string;
}

const TYPES = { v: 'string', rv: 'int64', start: 'string' } as const;

function fieldsOf(token: string): Fields {
  const value = parse(decodeBase64(token));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`json: cannot unmarshal ${nameOf(value)} into Go value of type storage.continueToken`);
  }
  const fields = { v: '', rv: 0, start: '', ...value };
  for (const [name, type] of Object.entries(TYPES)) {
    const given: unknown = fields[name as keyof Fields];
    if (type === 'int64' ? Number.isInteger(given) : typeof given === type) continue;
    throw invalid(`json: cannot unmarshal ${nameOf(given)} into Go struct field continueToken.${name} of type ${type}`);
  }
  return fields;
}

function parse(bytes: Buffer): unknown {
  try {
    // What is no text is told byte by byte.
    return parseJson(bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')).value;
  } catch (error) {
    if (error instanceof JsonError) throw invalid(error.message);
    throw error;
  }
}

function decodeBase64(token: string): Buffer {
  const bad = token.search(/[^\w-]/);
  const end = token.length % 4 === 1 ? token.length - 1 : -1;
  const at = bad < 0 ? end : bad;
  if (at >= 0) throw invalid(`illegal base64 data at input byte ${at}`);
  return Buffer.from(token, 'base64url');
}

function nameOf(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return Array.isArray(value) ? 'array' : typeof value;
}

const invalid = (why: string): StatusError =>
  StatusError.badRequest(`invalid continue token: continue key is not valid: ${why}`);
