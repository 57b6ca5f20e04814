// The subresources that are more than a part of their object, by name; each is a set of verbs.
import type { Handler } from '../registry.ts';
import { bind } from './binding.ts';
import { evict } from './eviction.ts';
import { getScale, patchScale, updateScale } from './scale.ts';
import { requestToken } from './token.ts';

export type VerbHandlers = Readonly<Record<string, Handler>>;

const SCALE: VerbHandlers = { get: getScale, update: updateScale, patch: patchScale };

/**
 * Anything not named here (`status`, `finalize`, `resize`, `ephemeralcontainers`) reads and writes the object itself; what leads to a
 * pod (`log`, `exec`, `proxy`, …) never comes here: connect/connect.ts.
 */
export const SUBRESOURCES: Readonly<Record<string, VerbHandlers>> = {
  scale: SCALE,
  binding: { create: bind },
  eviction: { create: evict },
  token: { create: requestToken },
};
