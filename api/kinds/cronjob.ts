// CronJob of batch/v1.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import type { CronJob } from '../types/batch.v1.ts';
import { nonNegative, oneOf } from './checks.ts';
import { countGeneration, startGeneration } from './generation.ts';
import { validateJobSpec } from './job.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { workloadCells } from './workload-cells.ts';

const FIELD = '[-0-9A-Za-z*,/?#L]+';
const SCHEDULE = new RegExp(
  `^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \\S+|${FIELD}( +${FIELD}){4})$`,
);

export const cronJob: Rules<CronJob> = {
  default({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    // Counts stay open in the template: only the Job made from it gets those defaults.
    if (spec.jobTemplate?.spec?.template?.spec) defaultPodSpec(spec.jobTemplate.spec.template.spec);
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old);
  },

  validate({ spec }) {
    if (!spec) return [];
    return [
      ...validateSchedule(spec.schedule, spec.timeZone),
      ...nonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
      ...oneOf(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy'),
      ...validateJobSpec(spec.jobTemplate?.spec ?? { template: {} }, 'spec.jobTemplate.spec'),
      ...nonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
      ...nonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
    ];
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

function validateSchedule(schedule: string | undefined, timeZone: string | undefined): FieldError[] {
  if (!schedule) return [required('spec.schedule')];
  const errors: FieldError[] = [];
  if (!SCHEDULE.test(schedule)) {
    const count = schedule.trim().split(/\s+/).length;
    errors.push(invalid('spec.schedule', schedule, `expected exactly 5 fields, found ${count}: [${schedule.trim()}]`));
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    errors.push(invalid('spec.timeZone', timeZone, `unknown time zone ${timeZone}`));
  }
  return errors;
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
