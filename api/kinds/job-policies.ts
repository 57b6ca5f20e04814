// When a Job's failed pods count, and when the Job has succeeded (k8s.io/kubernetes v1.36 pkg/apis/batch/validation).
import { duplicate, type FieldError, invalid, notSupported, OMITTED, required, tooLong, tooMany } from '../field.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../types/batch.v1.ts';
import { named, nonNegative } from './checks.ts';
import type { Check } from './rule-table.ts';

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_PATTERNS = 20;
const MAX_INDEXES = 64 * 1024;

/** Says as Go prints a list, where nothing was given. */
const chosen =
  (...words: string[]): Check<string | undefined> =>
  (value, field) => {
    if (!value) return [required(field, `valid values: [${words.map((word) => JSON.stringify(word)).join(' ')}]`)];
    return words.includes(value) ? [] : [notSupported(field, value, words)];
  };

const action = chosen('Count', 'FailIndex', 'FailJob', 'Ignore');
const operator = chosen('In', 'NotIn');
const status = chosen('False', 'True', 'Unknown');

export function validateFailurePolicy(spec: JobSpec, field: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const errors = rules.length > MAX_RULES ? [tooMany(`${field}.rules`, rules.length, MAX_RULES)] : [];
  return [...errors, ...rules.flatMap((rule, i) => validateFailureRule(rule, spec, `${field}.rules[${i}]`))];
}

function validateFailureRule(rule: PodFailurePolicyRule, spec: JobSpec, field: string): FieldError[] {
  const { onExitCodes, onPodConditions = [] } = rule;
  const errors = action(rule.action, `${field}.action`);
  if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalid(`${field}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
  }
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, spec, `${field}.onExitCodes`));
  errors.push(...validatePatterns(onPodConditions, `${field}.onPodConditions`));
  const both = 'OnExitCodes and OnPodConditions is';
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(invalid(field, OMITTED, `specifying both ${both} not supported`));
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(invalid(field, OMITTED, `specifying one of ${both} required`));
  }
  return errors;
}

function validateExitCodes(
  requirement: PodFailurePolicyOnExitCodesRequirement,
  { template }: JobSpec,
  field: string,
): FieldError[] {
  const { operator: way, containerName } = requirement;
  const values = requirement.values ?? [];
  const errors = operator(way, `${field}.operator`);
  const containers = [...(template?.spec?.containers ?? []), ...(template?.spec?.initContainers ?? [])];
  if (containerName !== undefined && !containers.some(({ name }) => name === containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalid(`${field}.containerName`, containerName, why));
  }
  const at = `${field}.values`;
  if (values.length === 0) errors.push(invalid(at, null, 'at least one value is required'));
  else if (values.length > MAX_EXIT_CODES) errors.push(tooMany(at, values.length, MAX_EXIT_CODES));
  for (const [i, value] of values.entries()) {
    if (way === 'In' && value === 0) errors.push(invalid(`${at}[${i}]`, value, 'must not be 0 for the In operator'));
    if (values.indexOf(value) < i) errors.push(duplicate(`${at}[${i}]`, value));
  }
  const isOrdered = values.every((value, i) => i === 0 || values[i - 1] <= value);
  return isOrdered ? errors : [...errors, invalid(at, values, 'must be ordered')];
}

function validatePatterns(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], field: string): FieldError[] {
  const errors = patterns.length > MAX_PATTERNS ? [tooMany(field, patterns.length, MAX_PATTERNS)] : [];
  for (const [i, pattern] of patterns.entries()) {
    errors.push(...named(qualifiedNameErrors, pattern.type ?? '', `${field}[${i}].type`));
    errors.push(...status(pattern.status, `${field}[${i}].status`));
  }
  return errors;
}

export function validateSuccessPolicy(spec: JobSpec, field: string): FieldError[] {
  if (spec.completionMode !== 'Indexed') {
    const said = { Rules: (spec.successPolicy?.rules ?? []).map(quoted) };
    return [invalid(field, said, 'requires indexed completion mode')];
  }
  const at = `${field}.rules`;
  const rules = spec.successPolicy?.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0) {
    errors.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(at, rules.length, MAX_RULES));
  return [...errors, ...rules.flatMap((rule, i) => validateSuccessRule(rule, spec.completions ?? 0, `${at}[${i}]`))];
}

const quoted = ({ succeededIndexes = undefined, succeededCount = undefined }: SuccessPolicyRule): unknown => ({
  SucceededIndexes: succeededIndexes ?? null,
  SucceededCount: succeededCount ?? null,
});

function validateSuccessRule(rule: SuccessPolicyRule, completions: number, field: string): FieldError[] {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  const errors: FieldError[] = [];
  if (count === undefined && indexes === undefined) {
    errors.push(required(field, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  const total = indexes === undefined ? 0 : countIndexes(indexes, completions);
  if (indexes !== undefined && indexes.length > MAX_INDEXES) {
    errors.push(tooLong(`${field}.succeededIndexes`, MAX_INDEXES));
  }
  if (typeof total === 'string') {
    errors.push(invalid(`${field}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${total}`));
  }
  if (count === undefined) return errors;
  const at = `${field}.succeededCount`;
  const most = (number: number, what: string): FieldError =>
    invalid(at, count, `must be less than or equal to ${number} (the number of ${what})`);
  errors.push(...nonNegative(count, at));
  if (count > completions) errors.push(most(completions, 'specified completions'));
  const listed = typeof total === 'string' ? 0 : total;
  if (indexes !== undefined && count > listed) {
    errors.push(most(listed, 'indexes in the specified succeededIndexes field'));
  }
  return errors;
}

/** `1,3-5` are four; otherwise why they cannot be read. */
export function countIndexes(text: string, completions: number): number | string {
  let last = -1;
  let total = 0;
  for (const interval of text === '' ? [] : text.split(',')) {
    const parts = interval.split('-');
    if (parts.length > 2) {
      const rule = "an index interval can have at most two parts separated by '-'";
      return `the fragment ${JSON.stringify(interval)} violates the requirement that ${rule}`;
    }
    for (const part of parts) {
      if (!/^\+?\d+$/.test(part)) return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
      if (Number(part) >= completions) return `too large index: ${JSON.stringify(part)}`;
    }
    const [from, to = from] = parts.map(Number);
    if (parts.length > 1 && from >= to) return `non-increasing order, previous: ${from}, current: ${to}`;
    if (last >= from && total > 0) return `non-increasing order, previous: ${last}, current: ${from}`;
    total += to - from + 1;
    last = to;
  }
  return total;
}
