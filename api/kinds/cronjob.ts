// CronJob of batch/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, notSupported } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { CronJob, JobSpec } from '../types/batch.v1.ts';
import { nonNegative, oneOf } from './checks.ts';
import { validateSchedule, validateTimeZone } from './cron-schedule.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { defaultFailurePolicy } from './job.ts';
import { validateJobSpec } from './job-validation.ts';
import { defaultPodSpec } from './pod/pod-defaults.ts';
import { workloadCells } from './workload-cells.ts';

/** A job's name is the CronJob's and 11 characters more. */
const MAX_NAME = 52;

export const cronJob: Rules<CronJob> = {
  default({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    if (spec.jobTemplate?.spec) defaultFailurePolicy(spec.jobTemplate.spec);
    // Counts stay open in the template: only the Job made from it gets those defaults.
    if (spec.jobTemplate?.spec?.template?.spec) defaultPodSpec(spec.jobTemplate.spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec, metadata }, old) {
    if (!spec) return [];
    const { schedule, timeZone, jobTemplate } = spec;
    const job = jobTemplate?.spec;
    const errors = [
      ...validateSchedule(schedule, timeZone, old?.spec?.schedule),
      ...nonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
      ...(old && old.spec?.timeZone === timeZone ? [] : validateTimeZone(timeZone, 'spec.timeZone')),
      ...oneOf(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy'),
      ...validateJobSpec(job ?? { template: {} }, 'spec.jobTemplate.spec'),
      ...validateSelection(job),
      ...nonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
      ...nonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
    ];
    if (old || metadata.name.length <= MAX_NAME) return errors;
    return [...errors, invalid('metadata.name', metadata.name, `must be no more than ${MAX_NAME} characters`)];
  },

  cells({ metadata, spec, status }, now) {
    return [
      metadata.name,
      spec?.schedule ?? '',
      spec?.timeZone ?? '<none>',
      spec?.suspend ? 'True' : 'False',
      status?.active?.length ?? 0,
      status?.lastScheduleTime ? ageOf(status.lastScheduleTime, now) : '<none>',
      ageOf(metadata.creationTimestamp, now),
      ...workloadCells(spec?.jobTemplate?.spec?.template?.spec, spec?.jobTemplate?.spec?.selector),
    ];
  },
};

/** Each job gets a selector of its own. */
function validateSelection(job: JobSpec | undefined): FieldError[] {
  const field = 'spec.jobTemplate.spec';
  const errors: FieldError[] = [];
  if (job?.selector) errors.push(invalid(`${field}.selector`, job.selector, '`selector` will be auto-generated'));
  if (job?.manualSelector) errors.push(notSupported(`${field}.manualSelector`, true, ['nil', 'false']));
  return errors;
}
