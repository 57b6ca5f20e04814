// Documents that clients keep and ask for again by their tag (RFC 9110 §8.8.3 and §13.1.2).
import { createHash } from 'node:crypto';
import type { Rendered } from './render.ts';

/** What tells one document from another. */
export function hashOf(body: Buffer | string): string {
  return createHash('sha512').update(body).digest('hex').toUpperCase();
}

export interface Tagging {
  readonly tag: string;
  readonly ifNoneMatch: string | undefined;
  /** Absent: it is asked for anew each time. */
  readonly cacheControl?: string;
  readonly expires?: string;
}

/** The document with its tag, or 304 for who has it. */
export function tagged(document: Rendered, { tag, ifNoneMatch, cacheControl, expires }: Tagging): Rendered {
  const etag = `"${tag}"`;
  const headers = {
    etag,
    vary: 'Accept',
    ...(cacheControl && { 'cache-control': cacheControl }),
    ...(expires && { expires }),
  };
  return isKnown(etag, ifNoneMatch) ? { ...document, status: 304, headers } : { ...document, headers };
}

function isKnown(etag: string, ifNoneMatch = ''): boolean {
  const known = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}
