// PodDisruptionBudget of policy/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../types/policy.v1.ts';
import { intOrPercent, labelSelector, nonNegative, oneOf, percentOf } from './checks.ts';
import { validateConditions } from './conditions.ts';
import { countGeneration, startGeneration } from './generation.ts';

export const podDisruptionBudget: Rules<PodDisruptionBudget> = {
  conditionalUpdateOnly: true,

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: ({ spec }) => validateSpec(spec ?? {}),

  validateUpdate({ status }, _old, subresource) {
    if (subresource !== 'status' || !status) return [];
    const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;
    const errors = validateConditions(status.conditions, 'status.conditions');
    return [...errors, ...counts.flatMap((name) => nonNegative(status[name], `status.${name}`))];
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name,
    String(spec?.minAvailable ?? 'N/A'),
    String(spec?.maxUnavailable ?? 'N/A'),
    status?.disruptionsAllowed ?? 0,
    ageOf(metadata.creationTimestamp, now),
  ],
};

function validateSpec(spec: PodDisruptionBudgetSpec): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const quoted = {
      MinAvailable: minAvailable,
      Selector: selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    };
    errors.push(invalid('spec', quoted, 'minAvailable and maxUnavailable cannot be both set'));
  }
  errors.push(...count(minAvailable, 'spec.minAvailable'), ...count(maxUnavailable, 'spec.maxUnavailable'));
  errors.push(...labelSelector(selector, 'spec.selector'));
  return [...errors, ...oneOf(policy, ['AlwaysAllow', 'IfHealthyBudget'], 'spec.unhealthyPodEvictionPolicy')];
}

function count(value: number | string | undefined, field: string): FieldError[] {
  const errors = intOrPercent(value, field);
  if ((percentOf(value) ?? 0) > 100) errors.push(invalid(field, value, 'must not be greater than 100%'));
  return errors;
}
