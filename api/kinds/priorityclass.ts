// PriorityClass of scheduling.k8s.io/v1.
import { ageOf } from '../age.ts';
import { forbidden } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { PriorityClass } from '../types/scheduling.v1.ts';
import { immutable } from './checks.ts';
import { startGeneration } from './generation.ts';
import { among, needed } from './rule-table.ts';

export const priorityClass: Rules<PriorityClass> = {
  default(object) {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },

  prepareForCreate: startGeneration,

  validate: ({ preemptionPolicy }, old) =>
    old ? [] : needed(among('PreemptLowerPriority', 'Never'))(preemptionPolicy, 'preemptionPolicy'),

  validateUpdate: (object, old) => [
    ...((object.value ?? 0) === (old.value ?? 0) ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...immutable(object.preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy'),
  ],

  cells: ({ metadata, value, globalDefault, preemptionPolicy }, now) => [
    metadata.name,
    value ?? 0,
    globalDefault ?? false,
    ageOf(metadata.creationTimestamp, now),
    preemptionPolicy ?? '',
  ],
};
