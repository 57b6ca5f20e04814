// What every kind with a selector and a pod template checks (k8s.io/kubernetes v1.36 pkg/apis/apps/validation).
import { type FieldError, invalid, notSupported, required, sortedMap } from '../field.ts';
import { copyOf } from '../object.ts';
import { labelSelectorOf } from '../selectors/labels.ts';
import type { PodTemplateSpec } from '../types/core.v1.ts';
import type { LabelSelector } from '../types/meta.v1.ts';
import { isEmptySelector, labelSelector } from './checks.ts';
import { validatePodTemplate } from './pod-validation.ts';

export function validateSelector(selector: LabelSelector | undefined, field = 'spec.selector'): FieldError[] {
  if (!selector) return [required(field)];
  const errors = labelSelector(selector, field);
  if (isEmptySelector(selector)) errors.push(invalid(field, selector, 'empty selector is invalid for deployment'));
  return errors;
}

/** The same for workloads whose template is not looked at while nobody can say which pods are selected. */
export function validateSelectedTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  const isReadable = !selector || labelSelector(selector, '').length === 0;
  return isReadable
    ? validateWorkloadTemplate(template, selector)
    : [invalid('spec.selector', selector, 'invalid label selector')];
}

/** The template's pods must be selected, restart always, and be valid themselves. */
export function validateWorkloadTemplate(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  field = 'spec.template',
): FieldError[] {
  if (!template) return [required(field)];
  const errors: FieldError[] = [];
  const labels = template.metadata?.labels;
  if (selector && !isEmptySelector(selector) && !labelSelectorOf(selector).matches(labels)) {
    errors.push(invalid(`${field}.metadata.labels`, sortedMap(labels), '`selector` does not match template `labels`'));
  }
  errors.push(...validatePodTemplate(template, field));
  const policy = template.spec?.restartPolicy;
  // One complaint is enough when the policy does not exist at all.
  const known = policy === 'OnFailure' || policy === 'Never';
  if (known) errors.push(notSupported(`${field}.spec.restartPolicy`, policy, ['Always']));
  return errors;
}

/** A private copy for comparisons that leave some fields of a spec out. */
export function without<T extends object>(spec: T, fields: ReadonlyArray<keyof T>): T {
  const copy = copyOf(spec);
  for (const field of fields) delete copy[field];
  return copy;
}
