// LimitRange.
import { duplicate, type FieldError, forbidden, invalid, required } from '../field.ts';
import type { Rules } from '../kind.ts';
import { parseQuantity } from '../quantity.ts';
import { qualifiedNameErrors } from '../selectors/syntax.ts';
import type { LimitRange, LimitRangeItem } from '../types/core.v1.ts';
import { named } from './checks.ts';
import { containerResourceName, isOvercommitAllowed, resourceName } from './resource-names.ts';

export const limitRange: Rules<LimitRange> = {
  createOnUpdate: true,

  default({ spec }) {
    for (const item of spec?.limits ?? []) if (item.type === 'Container') defaultItem(item);
  },

  validate({ spec }) {
    const taken = new Set<string>();
    return (spec?.limits ?? []).flatMap((item, i) => {
      const field = `spec.limits[${i}]`;
      const errors = limitType(item.type ?? '', `${field}.type`);
      if (taken.has(item.type)) errors.push(duplicate(`${field}.type`, item.type));
      taken.add(item.type);
      return [...errors, ...validateNames(item, field), ...validateItem(item, field)];
    });
  },
};

const TYPES = ['Pod', 'Container', 'PersistentVolumeClaim'];

function limitType(type: string, field: string): FieldError[] {
  const errors = named(qualifiedNameErrors, type, field);
  if (errors.length > 0 || type.includes('/') || TYPES.includes(type)) return errors;
  return [invalid(field, type, 'must be a standard limit type or fully qualified')];
}

/** A pod as a whole has no defaults; a claim must say something of storage. */
function validateNames(item: LimitRangeItem, field: string): FieldError[] {
  const rule = item.type === 'Pod' || item.type === 'Container' ? containerResourceName : resourceName;
  const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
  const errors = lists.flatMap((list) => {
    const names = Object.keys(item[list] ?? {});
    if (item.type === 'Pod' && names.length > 0 && list.startsWith('default')) {
      return [forbidden(`${field}.${list}`, "may not be specified when `type` is 'Pod'")];
    }
    return names.flatMap((name) => rule(name, `${field}.${list}[${name}]`));
  });
  const isMeasured = item.min?.storage !== undefined || item.max?.storage !== undefined;
  if (item.type !== 'PersistentVolumeClaim' || isMeasured) return errors;
  const why = 'either minimum or maximum storage value is required, but neither was provided';
  return [...errors, required(`${field}.limits`, why)];
}

/** A container's limit is at most what is allowed; its request is its limit, or the least that is allowed. */
function defaultItem(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function validateItem(item: LimitRangeItem, field: string): FieldError[] {
  const { min = {}, max = {}, default: limits = {}, defaultRequest: requests = {} } = item;
  const names = [
    ...new Set([min, max, limits, requests, item.maxLimitRequestRatio ?? {}].flatMap((list) => Object.keys(list))),
  ].sort();
  return names.flatMap((name) => {
    const checks: Array<[low: unknown, high: unknown, field: string, why: string]> = [
      [min[name], max[name], `min[${name}]`, 'min value % is greater than max value %'],
      [min[name], requests[name], `defaultRequest[${name}]`, 'min value % is greater than default request value %'],
      [requests[name], max[name], `defaultRequest[${name}]`, 'default request value % is greater than max value %'],
      [
        requests[name],
        limits[name],
        `defaultRequest[${name}]`,
        'default request value % is greater than default limit value %',
      ],
      [min[name], limits[name], `default[${name}]`, 'min value % is greater than default value %'],
      [limits[name], max[name], `default[${name}]`, 'default value % is greater than max value %'],
    ];
    const errors = checks.flatMap(([low, high, at, why]) => {
      if (low === undefined || high === undefined || !isGreater(low, high)) return [];
      const quoted = at.startsWith('defaultRequest') ? (requests[name] as string) : (low as string);
      const words = why.replace('%', String(low)).replace('%', String(high));
      return [invalid(`${field}.${at}`, quoted, words)];
    });
    return [...errors, ...validateRatio(item, name, field), ...validateFirm(item, name, field)];
  });
}

/** How much more a limit may be than its request. */
function validateRatio({ min, max, maxLimitRequestRatio }: LimitRangeItem, name: string, field: string): FieldError[] {
  const text = maxLimitRequestRatio?.[name];
  if (text === undefined) return [];
  const at = `${field}.maxLimitRequestRatio[${name}]`;
  const ratio = parseQuantity(String(text));
  const errors = ratio.milliValue < 1000 ? [invalid(at, text, `ratio ${ratio} is less than 1`)] : [];
  if (min?.[name] === undefined || max?.[name] === undefined) return errors;
  const limit = parseQuantity(String(max[name])).milliValue / parseQuantity(String(min[name])).milliValue;
  if (!(ratio.milliValue / 1000 > limit)) return errors;
  return [...errors, invalid(at, text, `ratio ${ratio} is greater than max/min = ${limit.toFixed(6)}`)];
}

/** What cannot be overcommitted is asked for in full. */
function validateFirm(item: LimitRangeItem, name: string, field: string): FieldError[] {
  const [limit, request] = [item.default?.[name], item.defaultRequest?.[name]];
  if (limit === undefined || request === undefined || isOvercommitAllowed(name)) return [];
  if (parseQuantity(String(limit)).compare(parseQuantity(String(request))) === 0) return [];
  const why = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`;
  return [invalid(`${field}.defaultRequest[${name}]`, request, why)];
}

function isGreater(low: unknown, high: unknown): boolean {
  return parseQuantity(String(low)).compare(parseQuantity(String(high))) > 0;
}
