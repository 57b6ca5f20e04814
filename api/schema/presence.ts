// Which fields of built-in kinds are seen when nobody set them: what Go's struct tags say and OpenAPI does not
// (facts/presence.json, written by scripts/generate-presence.mjs).
import facts from '../facts/presence.json' with { type: 'json' };
import type { OpenApiNode } from './openapi-node.ts';

interface Presence {
  /** Fields whose zero value is left out. */
  readonly omit?: readonly string[];
  /** Fields printed whatever they hold. */
  readonly print?: readonly string[];
  /** Go's type where OpenAPI's type and format do not imply it. */
  readonly types?: Readonly<Record<string, string>>;
}

const PRESENCE = facts as unknown as Readonly<Record<string, Presence>>;

/** Go tells the zero value of this field from its absence only if it is a pointer or printed anyway. */
export function omitsEmpty(definition: string, field: string): boolean {
  return PRESENCE[definition]?.omit?.includes(field) ?? false;
}

/**
 * What the server shows in the field when nobody set it, undefined for nothing. Printed fields show Go's zero value: that is
 * OpenAPI's `default` where there is one, no quantity, and null for slices, maps and times.
 */
export function shownDefault(definition: string, field: string, node: OpenApiNode): unknown {
  const presence = PRESENCE[definition];
  if (presence?.print?.includes(field)) return node.default ?? zeroOf(node);
  const stated = node.default;
  if (stated === '' || stated === 0) return omitsEmpty(definition, field) ? undefined : stated;
  return stated;
}

function zeroOf(node: OpenApiNode): string | null {
  if (node.type === 'string' && !node.format) return '';
  return node.allOf?.[0]?.$ref?.endsWith('.Quantity') ? '0' : null;
}

/** Go's name of the field's type, such as `v1.ServiceType`; undefined where the schema tells it. */
export function goType(definition: string, field: string): string | undefined {
  return PRESENCE[definition]?.types?.[field];
}
