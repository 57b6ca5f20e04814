// How much of a device one request may take (k8s.io/kubernetes v1.36 pkg/apis/resource/validation).
import { duplicate, type FieldError, forbidden, invalid, required, tooMany } from '../../field.ts';
import { parseQuantity, type Quantity } from '../../quantity.ts';
import type { CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity } from '../../types/resource.v1.ts';

const MAX_VALUES = 10;

const quantityOf = (value: unknown): Quantity => parseQuantity(String(value));

/** Only what is shared is taken in parts. */
export function validateCapacity(
  { value, requestPolicy }: DeviceCapacity,
  field: string,
  { isShared }: { readonly isShared: boolean },
): FieldError[] {
  if (!requestPolicy) return [];
  const at = `${field}.requestPolicy`;
  if (!isShared) return [forbidden(at, 'allowMultipleAllocations must be true')];
  return validatePolicy(requestPolicy, quantityOf(value), at);
}

function validatePolicy(policy: CapacityRequestPolicy, whole: Quantity, field: string): FieldError[] {
  const { validValues = [], validRange, default: given } = policy;
  if (validValues.length > 0 && validRange) {
    const why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return [forbidden(field, why)];
  }
  const [way] = [...(validValues.length > 0 ? ['validValues'] : []), ...(validRange ? ['validRange'] : [])];
  if (!way) return [];
  if (given === undefined) return [required(`${field}.default`, `required when ${way} is defined`)];
  if (validRange) return validateRange(validRange, quantityOf(given), whole, `${field}.validRange`);
  return validateValues(validValues.map(quantityOf), quantityOf(given), whole, `${field}.validValues`);
}

function validateValues(values: readonly Quantity[], given: Quantity, whole: Quantity, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, value] of values.entries()) {
    if (i === 0 || values[i - 1].compare(value) <= 0) continue;
    errors.push(invalid(`${field}[${i}]`, `${value}`, 'values must be sorted in ascending order'));
  }
  const isFew = values.length <= MAX_VALUES;
  if (!isFew) errors.push(tooMany(field, values.length, MAX_VALUES));
  for (const [i, value] of isFew ? values.entries() : []) {
    if (value.compare(whole) <= 0) continue;
    errors.push(invalid(`${field}[${i}]`, `${value}`, `option is larger than capacity value: ${whole}`));
  }
  for (const [i, value] of isFew ? values.entries() : []) {
    const isRepeated = values.findIndex((other) => other.value === value.value) < i;
    if (isRepeated) errors.push(duplicate(`${field}[${i}]`, `${value.value}`));
  }
  if (isFew && values.some((value) => value.compare(given) === 0)) return errors;
  return [...errors, invalid(field, `${given}`, 'default value is not valid according to the requestPolicy')];
}

function validateRange(
  { min, max, step }: CapacityRequestPolicyRange,
  given: Quantity,
  whole: Quantity,
  field: string,
): FieldError[] {
  if (min === undefined) return [required(`${field}.min`, 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const refuse = (name: string, value: Quantity, why: string): void => {
    errors.push(invalid(`${field}.${name}`, `${value}`, why));
  };
  const [low, high] = [quantityOf(min), max === undefined ? undefined : quantityOf(max)];
  if (low.compare(whole) > 0) refuse('min', low, `min is larger than capacity value: ${whole}`);
  if (given.compare(low) < 0) refuse('min', given, `default is less than min: ${low}`);
  if (high && low.compare(high) > 0) refuse('max', low, `min is larger than max: ${high}`);
  if (high && high.compare(whole) > 0) refuse('max', high, `max is larger than capacity value: ${whole}`);
  if (high && given.compare(high) > 0) refuse('max', given, `default is more than max: ${high}`);
  if (step === undefined) return errors;
  const size = quantityOf(step);
  const first = low.add(size);
  if (first.compare(whole) > 0) refuse('step', size, `one step ${first} is larger than capacity value: ${whole}`);
  for (const value of high ? [given, high] : [given]) {
    // Upstream divides by zero here, and breaks off.
    if (size.value !== 0 && (value.value - low.value) % size.value === 0) continue;
    refuse('step', value, `value is not a multiple of a given step (${size}) from (${low})`);
  }
  return errors;
}
