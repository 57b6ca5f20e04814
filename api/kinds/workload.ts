// What every kind with a selector and a pod template checks (k8s.io/kubernetes v1.36 pkg/apis/apps/validation).
import { type FieldError, forbidden, invalid, required, sortedMap } from '../field.ts';
import { copyOf } from '../object.ts';
import { labelSelectorOf } from '../selectors/labels.ts';
import type { PodTemplateSpec } from '../types/core.v1.ts';
import type { LabelSelector } from '../types/meta.v1.ts';
import { isEmptySelector, labelSelector } from './checks.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { among } from './rule-table.ts';

export function validateSelector(selector: LabelSelector | undefined, field = 'spec.selector'): FieldError[] {
  if (!selector) return [required(field)];
  const errors = labelSelector(selector, field);
  if (isEmptySelector(selector)) errors.push(invalid(field, selector, 'empty selector is invalid for deployment'));
  return errors;
}

/** A selector that cannot be read selects nobody knows what: then the template is not looked at. */
export function isReadable(selector: LabelSelector | undefined): boolean {
  return labelSelector(selector, '').length === 0;
}

/** Whether the template's pods would be selected. Without a selector nothing is; an empty one is complained of elsewhere. */
export function validateSelected(
  labels: Readonly<Record<string, string>> | undefined,
  selector: LabelSelector | undefined,
  field: string,
): FieldError[] {
  if (selector && (isEmptySelector(selector) || labelSelectorOf(selector).matches(labels))) return [];
  return [invalid(`${field}.metadata.labels`, sortedMap(labels), '`selector` does not match template `labels`')];
}

/** Of a Deployment or ReplicaSet. */
export function validateReplicated(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  if (!isReadable(selector)) return [invalid('spec.selector', selector, 'invalid label selector')];
  const field = 'spec.template';
  return [
    ...validateSelected(template?.metadata?.labels, selector, field),
    ...validatePodTemplate(template ?? {}, field),
    ...validateForever(template, 'ReplicaSet', field),
  ];
}

/** Pods of all workloads but jobs run for ever. `kind` as upstream says it. */
export function validateForever(template: PodTemplateSpec | undefined, kind: string, field: string): FieldError[] {
  const { restartPolicy = 'Always', activeDeadlineSeconds } = template?.spec ?? {};
  const errors = among('Always')(restartPolicy, `${field}.spec.restartPolicy`);
  if (activeDeadlineSeconds === undefined) return errors;
  const why = `activeDeadlineSeconds in ${kind} is not Supported`;
  return [...errors, forbidden(`${field}.spec.activeDeadlineSeconds`, why)];
}

/** A private copy for comparisons that leave some fields of a spec out. */
export function without<T extends object>(spec: T, fields: ReadonlyArray<keyof T>): T {
  const copy = copyOf(spec);
  for (const field of fields) delete copy[field];
  return copy;
}
