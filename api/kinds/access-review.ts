// What may be asked of an authorizer: the reviews of authorization.k8s.io/v1 (k8s.io/kubernetes v1.36
// pkg/apis/authorization/validation).
import { type FieldError, forbidden, invalid, required } from '../field.ts';
import type { ObjectMeta } from '../object.ts';
import { labelValueErrors, qualifiedNameErrors } from '../selectors/syntax.ts';
import type {
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
} from '../types/authorization.v1.ts';
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '../types/meta.v1.ts';
import { named } from './checks.ts';
import { type Check, each, isMissing, maybe } from './rule-table.ts';

export type AccessReviewKind = 'LocalSubjectAccessReview' | 'SelfSubjectAccessReview' | 'SubjectAccessReview';

interface AccessReview {
  readonly metadata: ObjectMeta;
  readonly spec?: SubjectAccessReviewSpec | SelfSubjectAccessReviewSpec;
}

/** The namespace of a LocalSubjectAccessReview is in its metadata already. */
export function validateAccessReview(kind: AccessReviewKind, { metadata, spec = {} }: AccessReview): FieldError[] {
  const isLocal = kind === 'LocalSubjectAccessReview';
  return [
    ...validateAttributes(spec),
    ...(kind === 'SelfSubjectAccessReview' ? [] : validateSubject(spec)),
    ...maybe(validateSelectors)(spec.resourceAttributes, 'spec.resourceAttributes'),
    ...validateMetadata(metadata, isLocal),
    ...(isLocal ? validateLocal(spec, metadata.namespace ?? '') : []),
  ];
}

function validateAttributes({ resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes';
    return [invalid('spec.nonResourceAttributes', inGo(nonResourceAttributes), why)];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalid('spec.resourceAttributes', null, why)];
}

/** As upstream's struct is printed. */
function inGo({ path = '', verb = '' }: NonResourceAttributes): object {
  return { Path: path, Verb: verb };
}

function validateSubject({ user, groups }: SubjectAccessReviewSpec): FieldError[] {
  if (user || groups?.length) return [];
  return [invalid('spec.user', '', 'at least one of user or group must be specified')];
}

function validateMetadata(metadata: ObjectMeta, isLocal: boolean): FieldError[] {
  const { managedFields: _managedFields, namespace, ...rest } = metadata;
  const said = Object.values(rest).some((value) => !isMissing(value));
  if (!said && (isLocal || !namespace)) return [];
  return [invalid('metadata', metadata, isLocal ? 'must be empty except for namespace' : 'must be empty')];
}

function validateLocal(
  { resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec,
  namespace: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const asked = resourceAttributes?.namespace ?? '';
  if (resourceAttributes && asked !== namespace) {
    errors.push(invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'));
  }
  if (!nonResourceAttributes) return errors;
  const why = 'disallowed on this kind of request';
  return [...errors, invalid('spec.nonResourceAttributes', inGo(nonResourceAttributes), why)];
}

function validateSelectors({ fieldSelector, labelSelector }: ResourceAttributes, field: string): FieldError[] {
  return [
    ...maybe(selectorOf(fieldRequirement))(fieldSelector, `${field}.fieldSelector`),
    ...maybe(selectorOf(labelRequirement))(labelSelector, `${field}.labelSelector`),
  ];
}

/** As text, or as requirements. */
const selectorOf =
  <T>(requirement: Check<T>): Check<{ readonly rawSelector?: string; readonly requirements?: readonly T[] }> =>
  ({ rawSelector = '', requirements = [] }, field) => {
    const at = `${field}.rawSelector`;
    const errors: FieldError[] = [];
    if (rawSelector && requirements.length > 0) {
      errors.push(invalid(at, rawSelector, 'may not specified at the same time as requirements'));
    }
    if (!rawSelector && requirements.length === 0) {
      const why = `when ${field} is specified, requirements or rawSelector is required`;
      errors.push(required(`${field}.requirements`, why));
    }
    return [...errors, ...each(requirement)(requirements, `${field}.requirements`)];
  };

/** An operator that nobody knows is the authorizer's to judge. */
function operands({ operator, values = [] }: FieldSelectorRequirement, field: string): FieldError[] {
  const at = `${field}.values`;
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
    return [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    return [forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  }
  return [];
}

function fieldRequirement(requirement: FieldSelectorRequirement, field: string): FieldError[] {
  const errors = requirement.key ? [] : [required(`${field}.key`, 'must be specified')];
  return [...errors, ...operands(requirement, field)];
}

function labelRequirement(requirement: LabelSelectorRequirement, field: string): FieldError[] {
  const { key = '', values = [] } = requirement;
  return [
    ...operands(requirement, field),
    ...named(qualifiedNameErrors, key, `${field}.key`),
    ...values.flatMap((value, i) => named(labelValueErrors, value, `${field}.values[${i}]`)),
  ];
}
