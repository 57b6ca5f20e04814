// Continue tokens: where the next page of a list begins, and as of which revision. Opaque to clients.
import { StatusError } from '../../api/status.ts';

export interface Continuation {
  /** Absent: whatever is newest then, which is not what the list began with. */
  readonly revision?: number;
  /** Key of the first entry of the next page, relative to the list's prefix. */
  readonly from: string;
}

export function encodeContinue({ revision, from }: Continuation): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision ?? -1, start: from })).toString('base64url');
}

/** Throws 400. */
export function decodeContinue(token: string): Continuation {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (v === 'meta.k8s.io/v1' && Number.isInteger(rv) && rv !== 0 && typeof start === 'string') {
      return rv < 0 ? { from: start } : { revision: rv, from: start };
    }
  } catch {
    // What is no JSON is no token of ours: told below, together with tokens of another shape.
  }
  throw StatusError.badRequest('continue key is not valid: it was not made by this server, or for another request');
}
