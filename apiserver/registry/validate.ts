// Validation of a write: metadata by the rules all kinds share, then the kind's own.

import { invalid } from '../../api/field.ts';
import type { Kind } from '../../api/kind.ts';
import { validateMetadata, validateMetadataUpdate } from '../../api/metadata.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';

/** Throws 422 with everything that is wrong. */
export function validateCreate(kind: Kind, object: AnyObject): void {
  const errors = [...validateMetadata(kind, object), ...(kind.rules.validate?.(object) ?? [])];
  if (errors.length > 0) throw StatusError.invalid(subjectOf(kind), object.metadata.name ?? '', errors);
}

export interface UpdateContext {
  readonly subresource: string;
  /** Whether the client named the version it replaces. */
  readonly isConditional: boolean;
}

/** Throws 422 with everything that is wrong. */
export function validateUpdate(kind: Kind, object: AnyObject, old: AnyObject, context: UpdateContext): void {
  const { rules } = kind;
  if (rules.conditionalUpdateOnly && !context.isConditional) {
    const problem = invalid('metadata.resourceVersion', 0, 'must be specified for an update');
    throw StatusError.invalid({ group: kind.group, kind: kind.plural }, object.metadata.name, [problem]);
  }
  // Upstream checks the change of metadata twice, once for all kinds and once for each: so do its causes.
  const changed = validateMetadataUpdate(object, old);
  const errors = [...changed, ...changed, ...validateMetadata(kind, object)];
  errors.push(...(rules.validate?.(object, old) ?? []));
  errors.push(...(rules.validateUpdate?.(object, old, context.subresource) ?? []));
  if (errors.length > 0) throw StatusError.invalid(subjectOf(kind), object.metadata.name, errors);
}

/** What is stored as an object of another group is refused in that group's name. */
function subjectOf({ kind, storage }: Kind): { group: string; kind: string } {
  return { group: storage.slice(0, storage.indexOf('/')), kind };
}
