// When a CronJob runs: five fields of cron, or a word for them (github.com/robfig/cron/v3, which upstream reads them with).
import { type FieldError, invalid, required } from '../field.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];
const WORDS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const DURATION = /^[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** `before`: what the schedule was: one that named its zone may go on doing so. */
export function validateSchedule(
  schedule: string | undefined,
  timeZone: string | undefined,
  before: string | undefined,
): FieldError[] {
  const field = 'spec.schedule';
  if (!schedule) return [required(field)];
  const why = scheduleError(schedule);
  const errors = why ? [invalid(field, schedule, why)] : [];
  if (!schedule.includes('TZ')) return errors;
  if (!before?.includes('TZ')) {
    return [...errors, invalid(field, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')];
  }
  if (timeZone === undefined) return errors;
  return [...errors, invalid(field, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule')];
}

function scheduleError(text: string): string | undefined {
  let schedule = text;
  const zone = /^(?:TZ|CRON_TZ)=([^ ]*) (.*)$/.exec(text);
  if (zone) {
    if (!isTimeZone(zone[1])) return `provided bad location ${zone[1]}: unknown time zone ${zone[1]}`;
    schedule = zone[2].trim();
  }
  if (schedule.startsWith('@')) return wordError(schedule);
  const fields = schedule.split(/\s+/).filter(Boolean);
  if (fields.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [i, field] of fields.entries()) {
    for (const range of field.split(',').filter(Boolean)) {
      const error = rangeError(range, FIELDS[i]);
      if (error) return error;
    }
  }
  return undefined;
}

function wordError(word: string): string | undefined {
  if (WORDS.includes(word)) return undefined;
  const every = '@every ';
  if (!word.startsWith(every)) return `unrecognized descriptor: ${word}`;
  const duration = word.slice(every.length);
  if (DURATION.test(duration)) return undefined;
  const why = duration === '' || !/^[-+]?[\d.]/.test(duration) ? 'invalid duration' : 'missing unit in duration';
  return `failed to parse duration ${word}: time: ${why} ${JSON.stringify(duration)}`;
}

/** A number or a name, alone or to another one, and the step from one to the next. */
function rangeError(text: string, { min, max, names }: Bounds): string | undefined {
  const [range, step, ...more] = text.split('/');
  const [from, to, ...others] = range.split('-');
  const numbers: number[] = [];
  if (from === '*' || from === '?') numbers.push(min, max);
  else {
    for (const part of to === undefined ? [from] : [from, to]) {
      const number = numberOf(part, names, min);
      if (typeof number === 'string') return number;
      numbers.push(number);
    }
    if (others.length > 0) return `too many hyphens: ${text}`;
  }
  if (more.length > 0) return `too many slashes: ${text}`;
  const width = step === undefined ? 1 : numberOf(step, undefined, 0);
  if (typeof width === 'string') return width;
  const start = numbers[0];
  const end = numbers[1] ?? (step === undefined ? start : max);
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${text}`;
  if (end > max) return `end of range (${end}) above maximum (${max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return width === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

/** The number, or why it is none. */
function numberOf(text: string, names: readonly string[] | undefined, first: number): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + first;
  if (!/^[-+]?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}

export function validateTimeZone(name: string | undefined, field: string): FieldError[] {
  if (name === undefined) return [];
  if (name === '') return [invalid(field, name, 'timeZone must be nil or non-empty string')];
  const unknown = invalid(field, name, `unknown time zone ${name}`);
  const isOdd = (part: string): boolean =>
    part === '.' || part === '..' || part.startsWith('-') || !ZONE_PART.test(part);
  if (name.split('/').some(isOdd)) return [unknown];
  if (name.toLowerCase() === 'local') {
    const why = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return [invalid(field, name, why)];
  }
  return isTimeZone(name) ? [] : [unknown];
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
