// What a question comes to, before anything is written.
import type { Name } from './wire/name.ts';
import type { ResourceRecord } from './wire/record.ts';

/** A zone that we answer for: the cluster's own, or one in which addresses stand for names. */
export interface Zone {
  readonly name: Name;
  readonly kind: 'cluster' | 'reverse';
}

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly zone: Zone;
  /** Below the zone, outermost first; empty at its top. */
  readonly labels: readonly string[];
}

export type Resolution =
  | {
      readonly outcome: 'found';
      readonly answer: readonly ResourceRecord[];
      readonly additional?: readonly ResourceRecord[];
      /** The answer ends in an alias to a name outside the cluster: what that has is to be asked elsewhere. */
      readonly follow?: Name;
    }
  /** The name exists and has no records of this type (NODATA). */
  | { readonly outcome: 'empty' }
  /** NXDOMAIN. */
  | { readonly outcome: 'missing' }
  /** Not ours to know. */
  | { readonly outcome: 'outside' }
  | { readonly outcome: 'refused' };

export const EMPTY: Resolution = { outcome: 'empty' };
export const MISSING: Resolution = { outcome: 'missing' };
export const OUTSIDE: Resolution = { outcome: 'outside' };
export const REFUSED: Resolution = { outcome: 'refused' };

/** `answer` when it holds something. */
export function found(answer: readonly ResourceRecord[], additional: readonly ResourceRecord[] = []): Resolution {
  return answer.length > 0 ? { outcome: 'found', answer, additional } : EMPTY;
}
