// Lease of coordination.k8s.io/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { Lease } from '../types/coordination.v1.ts';
import { nonNegative, oneOf } from './checks.ts';

export const lease: Rules<Lease> = {
  createOnUpdate: true,
  conditionalUpdateOnly: true,

  validate({ spec = {} }) {
    const errors: FieldError[] = [];
    const { leaseDurationSeconds: duration, leaseTransitions, holderIdentity, strategy, preferredHolder } = spec;
    if (duration !== undefined && duration <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
    }
    errors.push(...nonNegative(leaseTransitions, 'spec.leaseTransitions'));
    errors.push(...oneOf(strategy, ['OldestEmulationVersion'], 'spec.strategy'));
    if (holderIdentity === '') errors.push(required('spec.holderIdentity', 'must not be empty'));
    if (preferredHolder && !strategy) {
      errors.push(invalid('spec.preferredHolder', preferredHolder, 'may only be specified if `strategy` is defined'));
    }
    return errors;
  },

  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.holderIdentity ?? '',
    ageOf(metadata.creationTimestamp, now),
  ],
};
