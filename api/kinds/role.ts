// Role and ClusterRole of rbac.authorization.k8s.io/v1.
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { AggregationRule, ClusterRole, PolicyRule, Role } from '../types/rbac.v1.ts';
import { labelSelector } from './checks.ts';
import { isReadable } from './workload.ts';

export const role: Rules<Role> = {
  createOnUpdate: true,
  validate: ({ rules }) => (rules ?? []).flatMap((rule, i) => validateRule(rule, 'namespaced', `rules[${i}]`)),
};

export const clusterRole: Rules<ClusterRole> = {
  createOnUpdate: true,
  validate: ({ rules, aggregationRule }) => [
    ...(rules ?? []).flatMap((rule, i) => validateRule(rule, 'cluster', `rules[${i}]`)),
    ...(aggregationRule ? validateAggregation(aggregationRule, 'aggregationRule.clusterRoleSelectors') : []),
  ],
};

function validateAggregation({ clusterRoleSelectors = [] }: AggregationRule, field: string): FieldError[] {
  if (clusterRoleSelectors.length === 0) {
    return [required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return clusterRoleSelectors.flatMap((selector, i) => {
    const errors = labelSelector(selector, `${field}[${i}]`);
    return isReadable(selector) ? errors : [...errors, invalid(`${field}[${i}]`, null, 'invalid label selector.')];
  });
}

function validateRule(rule: PolicyRule, scope: 'namespaced' | 'cluster', field: string): FieldError[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const errors = verbs?.length ? [] : [required(`${field}.verbs`, 'verbs must contain at least one value')];
  if (nonResourceURLs?.length) {
    const at = `${field}.nonResourceURLs`;
    if (scope === 'namespaced') {
      errors.push(invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (apiGroups?.length || resources?.length || resourceNames?.length) {
      errors.push(invalid(at, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'));
    }
    return errors;
  }
  if (!apiGroups?.length) {
    errors.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (!resources?.length) {
    errors.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return errors;
}
