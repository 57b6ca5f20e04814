// Checks that many kinds share, in upstream's words (k8s.io/apimachinery v0.36 pkg/api/validation).
import { type FieldError, forbidden, invalid, notSupported, required } from '../field.ts';
import { parseAddress, parseBlock } from '../ip.ts';
import { isEqual } from '../object.ts';
import { labelValueErrors, qualifiedNameErrors } from '../selectors/syntax.ts';
import type { LabelSelector } from '../types/meta.v1.ts';

export const NOT_NEGATIVE = 'must be greater than or equal to 0';
const NOT_AN_ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_A_BLOCK = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export function nonNegative(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(field, value, NOT_NEGATIVE)] : [];
}

/** `supported` in the order upstream says it. */
export function oneOf(value: string | undefined, supported: readonly string[], field: string): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

export function immutable(value: unknown, old: unknown, field: string): FieldError[] {
  return isEqual(value, old) ? [] : [invalid(field, value ?? null, 'field is immutable')];
}

/** One error for each thing that `rule` finds wrong. */
export function named(rule: (text: string) => string[], text: string, field: string): FieldError[] {
  return rule(text).map((error) => invalid(field, text, error));
}

export function address(text: string, field: string): FieldError[] {
  return parseAddress(text) ? [] : [invalid(field, text, NOT_AN_ADDRESS)];
}

export function block(text: string, field: string): FieldError[] {
  return parseBlock(text) ? [] : [invalid(field, text, NOT_A_BLOCK)];
}

/** A duration, count or percentage such as `25%` or 3. */
export function intOrPercent(value: number | string | undefined, field: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return nonNegative(value, field);
  if (/^\d+%$/.test(value)) return [];
  const why =
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
  return [invalid(field, value, why)];
}

/** The number before the percent sign; undefined for a plain count, and for what is neither. */
export function percentOf(value: number | string | undefined): number | undefined {
  return typeof value === 'string' && /^\d+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

/** A text that is no percentage counts for nothing. */
export function isZero(value: number | string | undefined): boolean {
  return value === 0 || (typeof value === 'string' && !percentOf(value));
}

export function atMostAll(value: number | string | undefined, field: string): FieldError[] {
  return (percentOf(value) ?? 0) > 100 ? [invalid(field, value, 'must not be greater than 100%')] : [];
}

/** A metav1.LabelSelector. */
export function labelSelector(selector: LabelSelector | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    errors.push(...named(qualifiedNameErrors, key, `${field}.matchLabels`));
    errors.push(...labelValueErrors(value).map((error) => invalid(`${field}.matchLabels`, value, error)));
  }
  for (const [i, { key, operator, values }] of (selector?.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${i}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (!values?.length)
        errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values?.length) {
        errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    errors.push(...named(qualifiedNameErrors, key, `${at}.key`));
    for (const [j, value] of (values ?? []).entries())
      errors.push(...named(labelValueErrors, value, `${at}.values[${j}]`));
  }
  return errors;
}

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length;
}
