// What a Job must be, and the template of one (k8s.io/kubernetes v1.36 pkg/apis/batch/validation).
import { type FieldError, invalid, notSupported, required, sortedMap, tooLong } from '../field.ts';
import { labelSelectorOf } from '../selectors/labels.ts';
import { dns1123LabelErrors, dns1123SubdomainErrors } from '../selectors/syntax.ts';
import type { Job, JobSpec } from '../types/batch.v1.ts';
import { labelSelector, named, nonNegative } from './checks.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './job-policies.ts';
import { validatePodTemplate } from './pod/pod-validation.ts';
import { among, type Check, maybe } from './rule-table.ts';
import { isReadable } from './workload.ts';

export const UID_LABEL = 'batch.kubernetes.io/controller-uid';
export const OLD_UID_LABEL = 'controller-uid';
export const NAME_LABEL = 'batch.kubernetes.io/job-name';
export const OLD_NAME_LABEL = 'job-name';

const MAX_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** Above so many completions, the other counts are limited to a tenth. */
const MANY = 100_000;
const MANY_LIMIT = 10_000;
const MAX_MANAGED_BY = 63;
const PATH_PATTERN = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const PATH = new RegExp(`^${PATH_PATTERN}$`);

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

/** That what the server wrote into selector and template was not in contradiction to what stood there. */
export function validateGenerated({ spec, metadata: { uid = '', name } }: Job): FieldError[] {
  if (!spec?.selector || spec.manualSelector) return [];
  const labels = spec.template?.metadata?.labels ?? {};
  const expected = { [OLD_UID_LABEL]: uid, [OLD_NAME_LABEL]: name, [UID_LABEL]: uid, [NAME_LABEL]: name };
  const errors = Object.entries(expected).flatMap(([label, value]) => {
    const field = `spec.template.metadata.labels[${label}]`;
    if (!Object.hasOwn(labels, label)) return [required(field, `must be '${value}'`)];
    return labels[label] === value ? [] : [invalid(field, sortedMap(labels), `must be '${value}'`)];
  });
  if (!isReadable(spec.selector) || labelSelectorOf(spec.selector).matches(expected)) return errors;
  const { matchLabels, ...selector } = spec.selector;
  const shown = { matchLabels: sortedMap(matchLabels), ...selector };
  return [...errors, invalid('spec.selector', shown, '`selector` not auto-generated')];
}

export function validateJob({ spec, metadata }: Job, old: Job | undefined): FieldError[] {
  if (!spec) return [];
  const errors = validateJobSpec(spec, 'spec');
  const labels = spec.template?.metadata?.labels;
  if (!spec.selector) errors.push(required('spec.selector'));
  else errors.push(...labelSelector(spec.selector, 'spec.selector'));
  const isSelected = !isReadable(spec.selector) || (spec.selector && labelSelectorOf(spec.selector).matches(labels));
  if (!isSelected) {
    const why = '`selector` does not match template `labels`';
    errors.push(invalid('spec.template.metadata.labels', sortedMap(labels), why));
  }
  if (old || spec.completionMode !== 'Indexed' || !spec.completions || spec.completions < 1) return errors;
  // The last pod's host name is the longest.
  const hostname = `${metadata.name}-${spec.completions - 1}`;
  if (dns1123LabelErrors(hostname).length === 0) return errors;
  const why = `will not able to create pod with invalid DNS label: ${hostname}`;
  return [...errors, invalid('metadata.name', metadata.name, why)];
}

/** Of a Job, and of a CronJob's template, which has no selector yet. */
export function validateJobSpec(spec: JobSpec, field: string): FieldError[] {
  const errors = COUNTS.flatMap((count) => nonNegative(spec[count], `${field}.${count}`));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  }
  return [
    ...errors,
    ...maybe(managedBy)(spec.managedBy, `${field}.managedBy`),
    ...maybe(among('NonIndexed', 'Indexed'))(spec.completionMode, `${field}.completionMode`),
    ...(spec.completionMode === 'Indexed' ? validateIndexed(spec, field) : validateNonIndexed(spec, field)),
    ...(spec.podFailurePolicy ? validateFailurePolicy(spec, `${field}.podFailurePolicy`) : []),
    ...(spec.successPolicy ? validateSuccessPolicy(spec, `${field}.successPolicy`) : []),
    ...replacement(spec)(spec.podReplacementPolicy, `${field}.podReplacementPolicy`),
    ...validatePodTemplate(spec.template ?? {}, `${field}.template`),
    ...validateRestartPolicy(spec, `${field}.template.spec.restartPolicy`),
  ];
}

const managedBy: Check<string> = (path, field) => {
  const long = path.length > MAX_MANAGED_BY ? [tooLong(field, MAX_MANAGED_BY)] : [];
  return [...domainPath(path, field), ...long];
};

/** `example.com/controller` */
export function domainPath(text: string, field: string): FieldError[] {
  if (!text) return [required(field)];
  const slash = text.indexOf('/');
  const [host, path] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  if (!host || !path) return [invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = named(dns1123SubdomainErrors, host, field);
  if (PATH.test(path)) return errors;
  return [...errors, invalid(field, path, `Invalid path (regex used for validation is '${PATH_PATTERN}')`)];
}

const replacement = (spec: JobSpec): Check<string | undefined> =>
  maybe(spec.podFailurePolicy ? among('Failed') : among('Failed', 'TerminatingOrFailed'));

function validateIndexed(spec: JobSpec, field: string): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes: failed, backoffLimitPerIndex } = spec;
  const errors: FieldError[] = [];
  const limit = (name: string, value: number, what: string): void => {
    errors.push(invalid(`${field}.${name}`, value, `must be less than or equal to ${what}`));
  };
  if (completions === undefined) errors.push(required(`${field}.completions`, 'when completion mode is Indexed'));
  if (parallelism > MAX_PARALLELISM) {
    limit('parallelism', parallelism, `${MAX_PARALLELISM} when completion mode is Indexed`);
  }
  if (failed !== undefined && completions !== undefined && failed > completions) {
    limit('maxFailedIndexes', failed, 'completions');
  }
  if (failed !== undefined && failed > MAX_FAILED_INDEXES) limit('maxFailedIndexes', failed, `${MAX_FAILED_INDEXES}`);
  if (completions === undefined || completions <= MANY || backoffLimitPerIndex === undefined) return errors;
  const many = `${MANY_LIMIT} when completions are above ${MANY} and used with backoff limit per index`;
  if (failed === undefined) {
    errors.push(required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${MANY}`));
  }
  if (parallelism > MANY_LIMIT) limit('parallelism', parallelism, many);
  if (failed !== undefined && failed > MANY_LIMIT) limit('maxFailedIndexes', failed, many);
  return errors;
}

function validateNonIndexed(spec: JobSpec, field: string): FieldError[] {
  // A mode that does not exist is complained of once.
  if ((spec.completionMode ?? 'NonIndexed') !== 'NonIndexed') return [];
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const).flatMap((name) =>
    spec[name] === undefined ? [] : [invalid(`${field}.${name}`, spec[name], 'requires indexed completion mode')],
  );
}

function validateRestartPolicy({ template, podFailurePolicy }: JobSpec, field: string): FieldError[] {
  const policy = template?.spec?.restartPolicy ?? 'Always';
  if (policy === 'Always') return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(field, policy, ['OnFailure', 'Never'])];
  if (!podFailurePolicy || policy === 'Never') return [];
  return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}
