// Job of batch/v1.
import { ageOf, humanDuration } from '../age.ts';
import { type FieldError, invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { Job, JobSpec } from '../types/batch.v1.ts';
import type { ObjectMeta } from '../types/meta.v1.ts';
import { immutable } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { validateJobStatus } from './job-status.ts';
import {
  NAME_LABEL,
  OLD_NAME_LABEL,
  OLD_UID_LABEL,
  UID_LABEL,
  validateGenerated,
  validateJob,
} from './job-validation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { workloadCells } from './workload-cells.ts';

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
    // Whoever brings such a label along keeps it, and is refused if it says something else.
    object.spec.selector ??= {};
    object.spec.selector.matchLabels = { [UID_LABEL]: uid, ...object.spec.selector.matchLabels };
    object.spec.template.metadata = {
      ...(object.spec.template.metadata ?? {}),
      labels: { ...labels, ...object.spec.template.metadata?.labels },
    } as ObjectMeta;
    // A job without labels takes its template's.
    if (!Object.keys(object.metadata.labels ?? {}).length)
      object.metadata.labels = { ...object.spec.template.metadata.labels };
  },

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate: (object, old) => [...(old ? [] : validateGenerated(object)), ...validateJob(object, old)],

  validateUpdate(object, before, subresource) {
    const [{ spec }, { spec: old }] = [object, before];
    if (subresource === 'status') return validateJobStatus(object, before);
    if (subresource !== '' || !spec || !old) return [];
    return [
      // Upstream looks twice, and says so.
      ...validateGenerated(object),
      ...validateJob(object, before),
      ...validateCompletions(spec, old),
      ...immutable(spec.selector, old.selector, 'spec.selector'),
      ...(old.suspend && spec.suspend ? [] : immutable(spec.template, old.template, 'spec.template')),
      ...immutable(spec.completionMode, old.completionMode, 'spec.completionMode'),
      ...immutable(spec.podFailurePolicy, old.podFailurePolicy, 'spec.podFailurePolicy'),
      ...immutable(spec.backoffLimitPerIndex, old.backoffLimitPerIndex, 'spec.backoffLimitPerIndex'),
      ...immutable(spec.managedBy, old.managedBy, 'spec.managedBy'),
      ...immutable(spec.successPolicy, old.successPolicy, 'spec.successPolicy'),
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

/** An indexed job may grow and shrink, if its parallelism does too. */
function validateCompletions({ completionMode, completions, parallelism }: JobSpec, old: JobSpec): FieldError[] {
  const field = 'spec.completions';
  if (completionMode !== 'Indexed') return immutable(completions, old.completions, field);
  if (completions === undefined || completions === old.completions || completions === parallelism) return [];
  return [invalid(field, completions, 'can only be modified in tandem with spec.parallelism')];
}

/** A pod's condition counts when it holds, unless it is said otherwise. */
export function defaultFailurePolicy({ podFailurePolicy }: JobSpec): void {
  for (const { onPodConditions } of podFailurePolicy?.rules ?? []) {
    for (const pattern of onPodConditions ?? []) pattern.status ||= 'True';
  }
}

function defaultJobSpec(spec: JobSpec): void {
  defaultFailurePolicy(spec);
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
