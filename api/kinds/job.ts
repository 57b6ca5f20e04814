// Job of batch/v1.
import { ageOf, humanDuration } from '../age.ts';
import { type FieldError, invalid, required, sortedMap } from '../field.ts';
import type { Rules } from '../kind.ts';
import { labelSelectorOf } from '../selectors/labels.ts';
import type { Job, JobSpec } from '../types/batch.v1.ts';
import type { ObjectMeta } from '../types/meta.v1.ts';
import { immutable, nonNegative, oneOf } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-validation.ts';
import { workloadCells } from './workload-cells.ts';

const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const OLD_UID_LABEL = 'controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
const OLD_NAME_LABEL = 'job-name';

export const job: Rules<Job> = {
  defaultPropagation: 'Orphan',

  default({ spec, metadata }) {
    if (!spec) return;
    defaultJobSpec(spec);
    if (!metadata.labels && spec.template?.metadata?.labels) metadata.labels = { ...spec.template.metadata.labels };
  },

  prepareForCreate(object) {
    startGeneration(object);
    if (!object.spec || object.spec.manualSelector) return;
    const { uid = '', name = '' } = object.metadata;
    const labels = { [UID_LABEL]: uid, [OLD_UID_LABEL]: uid, [NAME_LABEL]: name, [OLD_NAME_LABEL]: name };
    object.spec.selector ??= {};
    object.spec.selector.matchLabels = { ...object.spec.selector.matchLabels, [UID_LABEL]: uid };
    object.spec.template.metadata = {
      ...(object.spec.template.metadata ?? {}),
      labels: { ...object.spec.template.metadata?.labels, ...labels },
    } as ObjectMeta;
    // A job without labels takes its template's.
    if (!Object.keys(object.metadata.labels ?? {}).length)
      object.metadata.labels = { ...object.spec.template.metadata.labels };
  },

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: (object) => validateJobSpec(object.spec!, 'spec', object.metadata),

  validateUpdate({ spec }, { spec: old }, subresource) {
    if (subresource !== '' || !spec || !old) return [];
    return [
      ...(spec.completionMode === 'Indexed' ? [] : immutable(spec.completions, old.completions, 'spec.completions')),
      ...immutable(spec.selector, old.selector, 'spec.selector'),
      ...(old.suspend && spec.suspend ? [] : immutable(spec.template, old.template, 'spec.template')),
      ...immutable(spec.completionMode, old.completionMode, 'spec.completionMode'),
      ...immutable(spec.podFailurePolicy, old.podFailurePolicy, 'spec.podFailurePolicy'),
      ...immutable(spec.backoffLimitPerIndex, old.backoffLimitPerIndex, 'spec.backoffLimitPerIndex'),
      ...immutable(spec.managedBy, old.managedBy, 'spec.managedBy'),
    ];
  },

  fields: ({ status }) => ({ 'status.successful': String(status?.succeeded ?? 0) }),

  cells({ metadata, spec, status = {} }, now) {
    const { completions, parallelism = 0 } = spec ?? {};
    const of = completions ?? (parallelism > 1 ? `1 of ${parallelism}` : 1);
    const started = status.startTime ? Date.parse(status.startTime) : undefined;
    const ended = status.completionTime ? Date.parse(status.completionTime) : now;
    return [
      metadata.name,
      statusOf(status, metadata),
      `${status.succeeded ?? 0}/${of}`,
      started === undefined ? '' : humanDuration(ended - started),
      ageOf(metadata.creationTimestamp, now),
      ...workloadCells(spec?.template?.spec, spec?.selector),
    ];
  },
};

function defaultJobSpec(spec: JobSpec): void {
  // Without both counts it is one pod once; a parallelism alone is a work queue.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2147483647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

/** `owner` is the job's metadata; a CronJob's template has no selector yet and passes none. */
export function validateJobSpec(spec: JobSpec, field: string, owner?: ObjectMeta): FieldError[] {
  const errors = [
    ...nonNegative(spec.parallelism, `${field}.parallelism`),
    ...nonNegative(spec.completions, `${field}.completions`),
    ...nonNegative(spec.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`),
    ...nonNegative(spec.backoffLimit, `${field}.backoffLimit`),
    ...nonNegative(spec.ttlSecondsAfterFinished, `${field}.ttlSecondsAfterFinished`),
    ...oneOf(spec.completionMode, ['NonIndexed', 'Indexed'], `${field}.completionMode`),
  ];
  if (owner) errors.push(...validateSelection(spec, field, owner));
  const template = validatePodTemplate(spec.template ?? {}, `${field}.template`);
  const policy = spec.template?.spec?.restartPolicy;
  const at = `${field}.template.spec.restartPolicy`;
  if (policy === 'Always') template.push(required(at, 'valid values: "OnFailure", "Never"'));
  return [...errors, ...template];
}

function validateSelection(spec: JobSpec, field: string, { uid = '' }: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const labels = spec.template?.metadata?.labels;
  const selected = Object.keys(spec.selector?.matchLabels ?? {});
  const isOurs = selected.length === 1 && spec.selector?.matchLabels?.[selected[0]] === uid;
  if (!spec.manualSelector && !isOurs) {
    errors.push(invalid(`${field}.selector`, spec.selector ?? null, '`selector` not auto-generated'));
  }
  if (spec.selector && !labelSelectorOf(spec.selector).matches(labels)) {
    errors.push(
      invalid(`${field}.template.metadata.labels`, sortedMap(labels), '`selector` does not match template `labels`'),
    );
  }
  return errors;
}

function statusOf(status: NonNullable<Job['status']>, metadata: ObjectMeta): string {
  const has = (type: string): boolean =>
    status.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  return has('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}
