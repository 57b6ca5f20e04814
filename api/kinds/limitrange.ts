// LimitRange.
import { type FieldError, invalid } from '../field.ts';
import type { Rules } from '../kind.ts';
import { parseQuantity } from '../quantity.ts';
import type { LimitRange, LimitRangeItem } from '../types/core.v1.ts';

export const limitRange: Rules<LimitRange> = {
  default({ spec }) {
    for (const item of spec?.limits ?? []) if (item.type === 'Container') defaultItem(item);
  },

  validate: ({ spec }) => (spec?.limits ?? []).flatMap((item, i) => validateItem(item, `spec.limits[${i}]`)),
};

/** A container's limit is at most what is allowed; its request is its limit, or the least that is allowed. */
function defaultItem(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default };
  const requests = { ...item.min, ...limits, ...item.defaultRequest };
  if (Object.keys(limits).length > 0) item.default = limits;
  if (Object.keys(requests).length > 0) item.defaultRequest = requests;
}

function validateItem(item: LimitRangeItem, field: string): FieldError[] {
  const { min = {}, max = {}, default: limits = {}, defaultRequest: requests = {} } = item;
  const names = [...new Set([min, max, limits, requests].flatMap((list) => Object.keys(list)))].sort();
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
    return checks.flatMap(([low, high, at, why]) => {
      if (low === undefined || high === undefined || !isGreater(low, high)) return [];
      const quoted = at.startsWith('defaultRequest') ? (requests[name] as string) : (low as string);
      const words = why.replace('%', String(low)).replace('%', String(high));
      return [invalid(`${field}.${at}`, quoted, words)];
    });
  });
}

function isGreater(low: unknown, high: unknown): boolean {
  return parseQuantity(String(low)).compare(parseQuantity(String(high))) > 0;
}
