// Validation of a write: metadata by the rules all kinds share, then the kind's own.
import { type FieldError, invalid } from '../../api/field.ts';
import type { Kind } from '../../api/kind.ts';
import { validateMetadata, validateMetadataUpdate } from '../../api/metadata.ts';
import type { AnyObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { Store } from '../storage/store.ts';
import { namespaceLabels } from './namespace.ts';

/** Throws 422 with everything that is wrong. */
export function validateCreate(kind: Kind, object: AnyObject, store: Store): void {
  const errors = [
    ...inNamespace(kind, object, undefined, store),
    ...validateMetadata(kind, object),
    ...(kind.rules.validate?.(object) ?? []),
  ];
  if (errors.length > 0) throw StatusError.invalid(subjectOf(kind), object.metadata.name ?? '', errors);
}

export interface UpdateContext {
  readonly subresource: string;
  /** Whether the client named the version it replaces. */
  readonly isConditional: boolean;
  readonly store: Store;
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
  const errors = inNamespace(kind, object, old, context.store);
  errors.push(...changed, ...changed, ...validateMetadata(kind, object));
  errors.push(...(rules.validate?.(object, old) ?? []));
  errors.push(...(rules.validateUpdate?.(object, old, context.subresource) ?? []));
  if (errors.length > 0) throw StatusError.invalid(subjectOf(kind), object.metadata.name, errors);
}

function inNamespace(kind: Kind, object: AnyObject, old: AnyObject | undefined, store: Store): FieldError[] {
  const { validateInNamespace: validate } = kind.rules;
  return validate ? validate(object, old, namespaceLabels(store, object.metadata.namespace ?? '')) : [];
}

/** What is stored as an object of another group is refused in that group's name. */
function subjectOf({ kind, storage }: Kind): { group: string; kind: string } {
  return { group: storage.slice(0, storage.indexOf('/')), kind };
}
