// What a Job's status may say, and become (k8s.io/kubernetes v1.36 pkg/apis/batch/validation): most rules hold for what a write
// changes only, since a change of the spec may break them until the controller has looked.
import { FieldError, invalid, OMITTED, required } from '../field.ts';
import { isEqual } from '../object.ts';
import type { Job, JobStatus } from '../types/batch.v1.ts';
import { nonNegative } from './checks.ts';
import { countIndexes } from './job-policies.ts';

type Flag = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

const has = ({ conditions = [] }: JobStatus, type: Flag, status = 'True'): boolean =>
  (conditions ?? []).some((one) => one.type === type && one.status === status);
const isFinished = (status: JobStatus): boolean => has(status, 'Complete') || has(status, 'Failed');

const refusedConditions = (why: string): FieldError =>
  new FieldError('FieldValueInvalid', 'status.conditions', OMITTED, why);

export function validateJobStatus(job: Job, before: Job): FieldError[] {
  const [status, old] = [job.status ?? {}, before.status ?? {}];
  return [
    ...validateCounts(status),
    ...validateUncounted(status),
    ...validateConditions(status, old),
    ...validateTimes(job, old),
    ...validateEnd(status, old),
    ...validateIndexes(job, old),
    ...validateTransition(job, old),
  ];
}

function validateCounts(status: JobStatus): FieldError[] {
  const counts = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const;
  return counts.flatMap((name) => nonNegative(status[name], `status.${name}`));
}

/** Each pod waits to be counted once. */
function validateUncounted({ uncountedTerminatedPods: pods }: JobStatus): FieldError[] {
  const taken = new Set<string>();
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (pods?.[list] ?? []).flatMap((uid, i) => {
      const field = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (!uid) return [invalid(field, uid, 'must not be empty')];
      const isRepeated = taken.has(uid);
      taken.add(uid);
      return isRepeated ? [new FieldError('FieldValueDuplicate', field, uid, '')] : [];
    }),
  );
}

/** Which conditions go together, where one of them changes. */
function validateConditions(status: JobStatus, old: JobStatus): FieldError[] {
  const changes = (...types: Flag[]): boolean => types.some((type) => has(status, type) !== has(old, type));
  const [isComplete, isFailed] = [has(status, 'Complete'), has(status, 'Failed')];
  const errors: FieldError[] = [];
  if (isComplete && isFailed && changes('Complete', 'Failed')) {
    errors.push(refusedConditions('cannot set Complete=True and Failed=true conditions'));
  }
  if (isComplete && has(status, 'FailureTarget') && changes('Complete', 'FailureTarget')) {
    errors.push(refusedConditions('cannot set Complete=True and FailureTarget=true conditions'));
  }
  const failsAnew = changes('Failed') || status.failedIndexes !== old.failedIndexes;
  if (isFailed && !has(status, 'FailureTarget') && failsAnew) {
    errors.push(refusedConditions('cannot set Failed=True condition without the FailureTarget=true condition'));
  }
  if (isComplete && !has(status, 'SuccessCriteriaMet') && changes('Complete', 'SuccessCriteriaMet')) {
    errors.push(refusedConditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
  }
  if (!has(status, 'SuccessCriteriaMet')) return errors;
  if (isFailed) errors.push(refusedConditions('cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  if (has(status, 'FailureTarget')) {
    errors.push(refusedConditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
  }
  return errors;
}

function validateTimes({ spec, status = {} }: Job, old: JobStatus): FieldError[] {
  const { startTime, completionTime } = status;
  const [at, isComplete] = ['status.completionTime', has(status, 'Complete')];
  const startChanges = startTime !== old.startTime;
  const endChanges = completionTime !== old.completionTime;
  const completes = isComplete !== has(old, 'Complete');
  const errors: FieldError[] = [];
  if (completionTime && !isComplete && (completes || endChanges)) {
    errors.push(invalid(at, completionTime, 'cannot set completionTime when there is no Complete=True condition'));
  }
  if (!completionTime && isComplete && (completes || endChanges)) {
    errors.push(required(at, 'completionTime is required for Complete jobs'));
  }
  if (startTime && completionTime && completionTime < startTime && (startChanges || endChanges)) {
    errors.push(invalid(at, completionTime, 'must be equal to or after `startTime`'));
  }
  const finishes = isFinished(status) !== isFinished(old);
  const isIdle = spec?.suspend && spec.completions === 0;
  if (!startTime && isFinished(status) && (finishes || startChanges) && !isIdle) {
    errors.push(required('status.startTime', 'startTime is required for finished job'));
  }
  return errors;
}

/** A job that is finished has nothing under way. */
function validateEnd(status: JobStatus, old: JobStatus): FieldError[] {
  const { active = 0, terminating = 0, ready, uncountedTerminatedPods: uncounted } = status;
  const finishes = isFinished(status) !== isFinished(old);
  const errors: FieldError[] = [];
  if (ready !== undefined && ready > active && (ready !== old.ready || active !== (old.active ?? 0))) {
    errors.push(invalid('status.ready', ready, 'cannot set more ready pods than active'));
  }
  if (!isFinished(status)) return errors;
  if (active > 0 && (finishes || active !== (old.active ?? 0))) {
    errors.push(invalid('status.active', active, 'active>0 is invalid for finished job'));
  }
  const isLeft = (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0) > 0;
  if (isLeft && (finishes || !isEqual(uncounted, old.uncountedTerminatedPods))) {
    errors.push(invalid('status.uncountedTerminatedPods', uncounted, 'must be empty for finished job'));
  }
  if (terminating > 0 && (finishes || terminating !== old.terminating)) {
    errors.push(invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
  }
  return errors;
}

function validateIndexes({ spec, status = {} }: Job, old: JobStatus): FieldError[] {
  const { completedIndexes: done = '', failedIndexes: failed } = status;
  const { completions, backoffLimitPerIndex, completionMode } = spec ?? {};
  const errors: FieldError[] = [];
  const read = (name: 'completedIndexes' | 'failedIndexes', text: string): void => {
    const count = completions === undefined ? 0 : countIndexes(text, completions);
    if (typeof count === 'number') return;
    errors.push(invalid(`status.${name}`, text, `error parsing ${name}: ${count}`));
  };
  if (done !== (old.completedIndexes ?? '')) {
    read('completedIndexes', done);
    if (done && completionMode !== 'Indexed') {
      const why = 'cannot set non-empty completedIndexes when non-indexed completion mode';
      errors.push(invalid('status.completedIndexes', done, why));
    }
  }
  if (failed === undefined || failed === old.failedIndexes) return errors;
  if (backoffLimitPerIndex !== undefined) read('failedIndexes', failed);
  else {
    const why = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(invalid('status.failedIndexes', failed, why));
  }
  return errors;
}

/** What has happened stays so. */
function validateTransition({ spec, status = {} }: Job, old: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const) {
    if (!has(old, type) || has(status, type)) continue;
    errors.push(refusedConditions(`cannot disable the terminal ${type}=True condition`));
  }
  const mayShrink = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  for (const name of mayShrink ? (['failed'] as const) : (['failed', 'succeeded'] as const)) {
    const count = status[name] ?? 0;
    if (count < (old[name] ?? 0)) errors.push(invalid(`status.${name}`, count, `cannot decrease the ${name} counter`));
  }
  const { startTime, completionTime } = status;
  if (completionTime && old.completionTime && completionTime !== old.completionTime) {
    errors.push(invalid('status.completionTime', completionTime, 'field is immutable'));
  }
  const isResuming = has(old, 'Suspended') && has(status, 'Suspended', 'False');
  if (old.startTime && startTime !== old.startTime && !isResuming && !spec?.suspend) {
    errors.push(invalid('status.startTime', startTime, 'field is immutable for unsuspended job once set'));
  }
  if (has(old, 'SuccessCriteriaMet') && !has(status, 'SuccessCriteriaMet')) {
    errors.push(refusedConditions('cannot disable the SuccessCriteriaMet=True condition'));
  }
  return errors;
}
