// Lease of coordination.k8s.io/v1.
import { ageOf } from '../age.ts';
import { invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { Lease } from '../types/coordination.v1.ts';
import { nonNegative } from './checks.ts';

export const lease: Rules<Lease> = {
  createOnUpdate: true,
  conditionalUpdateOnly: true,
  prepareForCreate: dropCoordination,
  prepareForUpdate: dropCoordination,

  validate({ spec = {} }) {
    const { leaseDurationSeconds: duration, leaseTransitions } = spec;
    const errors = nonNegative(leaseTransitions, 'spec.leaseTransitions');
    if (duration === undefined || duration > 0) return errors;
    return [invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'), ...errors];
  },

  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.holderIdentity ?? '',
    ageOf(metadata.creationTimestamp, now),
  ],
};

/** Fields of a feature that is off by default (CoordinatedLeaderElection): nobody gets them stored. */
function dropCoordination({ spec }: Lease): void {
  delete spec?.strategy;
  delete spec?.preferredHolder;
}
