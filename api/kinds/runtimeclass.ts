// RuntimeClass of node.k8s.io/v1.
import { ageOf } from '../age.ts';
import { duplicate, type FieldError } from '../field.ts';
import type { Rules } from '../kind.ts';
import { validateLabels } from '../metadata.ts';
import { isEqual } from '../object.ts';
import { dns1123LabelErrors } from '../selectors/syntax.ts';
import type { Toleration } from '../types/core.v1.ts';
import type { RuntimeClass } from '../types/node.v1.ts';
import { immutable, named } from './checks.ts';
import { validateResources } from './pod/resource-requirements.ts';
import { validateTolerations } from './pod/tolerations.ts';
import { needed } from './rule-table.ts';

export const runtimeClass: Rules<RuntimeClass> = {
  createOnUpdate: true,
  conditionalUpdateOnly: true,
  validate: ({ handler, overhead, scheduling }) => [
    ...needed<string>((name, field) => named(dns1123LabelErrors, name, field))(handler, 'handler'),
    ...validateResources({ limits: overhead?.podFixed }, new Set(), 'overhead'),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
    ...validateTolerations(scheduling?.tolerations, 'scheduling.tolerations'),
    ...unique(scheduling?.tolerations ?? [], 'scheduling.tolerations'),
  ],
  validateUpdate: (object, old) => immutable(object.handler, old.handler, 'handler'),
  cells: ({ metadata, handler }, now) => [metadata.name, handler, ageOf(metadata.creationTimestamp, now)],
};

function unique(tolerations: readonly Toleration[], field: string): FieldError[] {
  return tolerations.flatMap((one, i) =>
    tolerations.slice(0, i).some((other) => isEqual(one, other)) ? [duplicate(`${field}[${i}]`, one)] : [],
  );
}
