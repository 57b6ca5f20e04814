// ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings of admissionregistration.k8s.io/v1
// (k8s.io/kubernetes v1.36 pkg/apis/admissionregistration/v1/defaults.go).
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  RuleWithOperations,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../types/admissionregistration.v1.ts';
import { countGeneration, startGeneration } from './generation.ts';

const UNSET = '<unset>';

export const validatingAdmissionPolicy = policyRules<ValidatingAdmissionPolicy>(({ spec }) => spec?.validations);
export const mutatingAdmissionPolicy = policyRules<MutatingAdmissionPolicy>(({ spec }) => spec?.mutations);

/** `listed`: what the table counts. */
function policyRules<T extends ValidatingAdmissionPolicy | MutatingAdmissionPolicy>(
  listed: (policy: T) => readonly unknown[] | undefined,
): Rules<T> {
  return {
    default({ spec }) {
      if (!spec) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatch(spec.matchConstraints);
    },
    prepareForCreate: startGeneration,
    prepareForUpdate: (object, old) => countGeneration(object, old),
    cells: (policy, now) => [
      policy.metadata.name,
      listed(policy)?.length ?? 0,
      paramKindOf(policy.spec?.paramKind),
      ageOf(policy.metadata.creationTimestamp, now),
    ],
  };
}

export const admissionPolicyBinding: Rules<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = {
  default: ({ spec }) => defaultMatch(spec?.matchResources),
  prepareForCreate: startGeneration,
  prepareForUpdate: (object, old) => countGeneration(object, old),
  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec?.policyName ?? '',
    paramNameOf(spec?.paramRef),
    ageOf(metadata.creationTimestamp, now),
  ],
};

function defaultMatch(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
}

/** A rule that names no scope is about resources of every scope. */
export function defaultRule(rule: Pick<RuleWithOperations, 'scope'>): void {
  rule.scope ??= '*';
}

function paramKindOf(param: ParamKind | undefined): string {
  return param ? `${param.apiVersion ?? ''}/${param.kind ?? ''}` : UNSET;
}

function paramNameOf(param: ParamRef | undefined): string {
  if (!param) return UNSET;
  return param.namespace ? `${param.namespace}/${param.name ?? ''}` : (param.name ?? '');
}
