// ValidatingAdmissionPolicy, MutatingAdmissionPolicy and their bindings of admissionregistration.k8s.io/v1
// (k8s.io/kubernetes v1.36 pkg/apis/admissionregistration/v1/defaults.go).
import { ageOf } from '../age.ts';
import type { Rules } from '../kind.ts';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../types/admissionregistration.v1.ts';
import { defaultMatch, mutableOperations } from './admission-rules.ts';
import {
  validateActions,
  validateBinding,
  validateMutatingPolicy,
  validatePolicyStatus,
  validateValidatingPolicy,
} from './admissionpolicy-validation.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { keepMetadata } from './status-update.ts';

const UNSET = '<unset>';

export const validatingAdmissionPolicy: Rules<ValidatingAdmissionPolicy> = {
  ...policyRules<ValidatingAdmissionPolicy>(({ spec }) => spec?.validations),
  prepareForUpdate(object, old, subresource) {
    if (subresource === 'status') keepMetadata(object, old);
    countGeneration(object, old);
  },
  validate: ({ metadata, spec = {}, status }, old) => [
    ...validateValidatingPolicy(spec, old && (old.spec ?? {}), metadata.name),
    ...(status ? validatePolicyStatus(status) : []),
  ],
};

export const mutatingAdmissionPolicy: Rules<MutatingAdmissionPolicy> = {
  ...policyRules<MutatingAdmissionPolicy>(({ spec }) => spec?.mutations),
  validate: ({ spec = {} }, old) => validateMutatingPolicy(spec, old && (old.spec ?? {})),
};

/** `listed`: what the table counts. */
function policyRules<T extends ValidatingAdmissionPolicy | MutatingAdmissionPolicy>(
  listed: (policy: T) => readonly unknown[] | undefined,
): Rules<T> {
  return {
    conditionalUpdateOnly: true,
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

const bindingRules: Rules<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = {
  conditionalUpdateOnly: true,
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

export const validatingAdmissionPolicyBinding: Rules<ValidatingAdmissionPolicyBinding> = {
  ...(bindingRules as Rules<ValidatingAdmissionPolicyBinding>),
  validate: ({ spec }) => [
    ...validateBinding(spec ?? {}, 'spec'),
    ...validateActions(spec?.validationActions ?? [], 'spec.validationActions'),
  ],
};

export const mutatingAdmissionPolicyBinding: Rules<MutatingAdmissionPolicyBinding> = {
  ...(bindingRules as Rules<MutatingAdmissionPolicyBinding>),
  validate: ({ spec = {} }) => [
    ...validateBinding(spec, 'spec'),
    ...(spec.matchResources ? mutableOperations(spec.matchResources, 'spec.matchResources') : []),
  ],
};

function paramKindOf(param: ParamKind | undefined): string {
  return param ? `${param.apiVersion ?? ''}/${param.kind ?? ''}` : UNSET;
}

function paramNameOf(param: ParamRef | undefined): string {
  if (!param) return UNSET;
  return param.namespace ? `${param.namespace}/${param.name ?? ''}` : (param.name ?? '');
}
