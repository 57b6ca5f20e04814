// PriorityClass of scheduling.k8s.io/v1.
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type { PriorityClass } from '../types/scheduling.v1.ts';
import { immutable, oneOf } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';

export const priorityClass: Rules<PriorityClass> = {
  default(object) {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old, ['value', 'globalDefault', 'description', 'preemptionPolicy']);
  },

  validate: ({ preemptionPolicy }) => oneOf(preemptionPolicy, ['PreemptLowerPriority', 'Never'], 'preemptionPolicy'),

  validateUpdate: (object, old) => [
    ...immutable(object.value, old.value, 'value'),
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
