// What a claim asks for: requests, constraints between them, and configuration for drivers
// (k8s.io/kubernetes v1.36 pkg/apis/resource/validation). Selectors are checked as far as api/cel goes.
import { type CelType, checkExpression, type Scope } from '../../cel/check.ts';
import { type FieldError, invalid, required, tooLong } from '../../field.ts';
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
} from '../../types/resource.v1.ts';
import { csiDriverName } from '../pod/volume-source.ts';
import { among, type Check, each, given, listOf, structOf, unlessEmpty } from '../rule-table.ts';
import {
  className,
  fullyQualifiedName,
  label,
  labelKey,
  labelValue,
  type RequestNames,
  rawObject,
  requestOf,
} from './names.ts';

export const MAX_REQUESTS = 32;
export const MAX_CONFIG = 32;
const MAX_SELECTORS = 32;
const MAX_ALTERNATIVES = 8;
/** In bytes. */
const MAX_EXPRESSION = 10 * 1024;
const MAX_PARAMETERS = 10 * 1024;

const DEVICE: CelType = {
  name: 'kubernetes.DRADevice',
  fields: {
    driver: { name: 'string' },
    allowMultipleAllocations: { name: 'bool' },
    attributes: undefined,
    capacity: undefined,
  },
};
const SCOPE: Scope = { variables: new Map([['device', DEVICE]]) };

export function defaultClaim({ requests }: DeviceClaim): void {
  for (const { exactly, firstAvailable = [] } of requests ?? []) {
    for (const request of exactly ? [exactly, ...firstAvailable] : firstAvailable) {
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount') request.count ||= 1;
    }
  }
}

export function namesOf({ requests }: DeviceClaim): RequestNames {
  return new Map(
    (requests ?? []).map(({ name, firstAvailable = [] }) => [name, new Set(firstAvailable.map((one) => one.name))]),
  );
}

export function validateClaim(claim: DeviceClaim, field: string): FieldError[] {
  const names = namesOf(claim);
  return [
    ...listOf(validateRequest, { max: MAX_REQUESTS, key: ({ name }) => name })(claim.requests, `${field}.requests`),
    ...listOf(constraintOn(names), { max: 32 })(claim.constraints, `${field}.constraints`),
    ...listOf(configurationFor(names), { max: MAX_CONFIG })(claim.config, `${field}.config`),
  ];
}

const ONE_OF = 'exactly one of `exactly` or `firstAvailable` is required';

function validateRequest({ name, exactly, firstAvailable = [] }: DeviceRequest, field: string): FieldError[] {
  const errors = label(name, `${field}.name`);
  if (exactly && firstAvailable.length > 0) {
    return [...errors, invalid(field, null, `${ONE_OF}, but multiple fields are set`)];
  }
  if (exactly) return [...errors, ...validateExactly(exactly, `${field}.exactly`)];
  if (firstAvailable.length === 0) return [...errors, required(field, ONE_OF)];
  const alternatives = listOf(validateAlternative, { max: MAX_ALTERNATIVES, key: (one: DeviceSubRequest) => one.name });
  return [...errors, ...alternatives(firstAvailable, `${field}.firstAvailable`)];
}

function validateAlternative(request: DeviceSubRequest, field: string): FieldError[] {
  return [...label(request.name, `${field}.name`), ...validateExactly(request, field)];
}

function validateExactly(request: ExactDeviceRequest | DeviceSubRequest, field: string): FieldError[] {
  return [
    ...className(request.deviceClassName, `${field}.deviceClassName`),
    ...validateSelectors(request.selectors, `${field}.selectors`),
    ...validateCount(request, field),
    ...each(validateToleration)(request.tolerations, `${field}.tolerations`),
  ];
}

function validateCount(
  { allocationMode: mode = '' as 'All', count = 0 }: ExactDeviceRequest,
  field: string,
): FieldError[] {
  const at = `${field}.count`;
  if (mode === 'All') {
    return count === 0 ? [] : [invalid(at, count, "must not be specified when allocationMode is 'All'")];
  }
  const errors = among('All', 'ExactCount')(mode, `${field}.allocationMode`);
  return errors.length > 0 || count > 0 ? errors : [invalid(at, count, 'must be greater than zero')];
}

export const validateSelectors = listOf<DeviceSelector>(
  structOf<DeviceSelector>({
    cel: given(({ expression = '' }, field) => {
      const at = `${field}.expression`;
      if (expression.length > MAX_EXPRESSION) return [tooLong(at, MAX_EXPRESSION)];
      const why = checkExpression(expression, SCOPE, ['bool', 'dyn']);
      return why === undefined ? [] : [invalid(at, expression, why)];
    }),
  }),
  { max: MAX_SELECTORS },
);

const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
export const validateEffect = among(...EFFECTS);

function validateToleration(toleration: DeviceToleration, field: string): FieldError[] {
  const { key, operator = '' as 'Equal', value = '', effect } = toleration;
  const at = `${field}.value`;
  const errors = unlessEmpty<string>(labelKey)(key, `${field}.key`);
  if (operator === 'Equal') errors.push(...labelValue(value, at));
  else if (operator !== 'Exists') errors.push(...operatorOf(operator, `${field}.operator`));
  else if (value) errors.push(invalid(at, value, 'must be empty for operator `Exists`'));
  return [...errors, ...unlessEmpty(validateEffect)(effect, `${field}.effect`)];
}

const operatorOf: Check<string> = (operator, field) =>
  operator ? among('Equal', 'Exists')(operator, field) : [required(field)];

export const requestsOf = (names: RequestNames): Check<readonly string[] | undefined> =>
  listOf(requestOf(names) as Check<string>, { max: MAX_REQUESTS, key: (name) => name });

const constraintOn =
  (names: RequestNames): Check<DeviceConstraint> =>
  ({ requests, matchAttribute, distinctAttribute }, field) => {
    const errors = requestsOf(names)(requests, `${field}.requests`);
    if (matchAttribute !== undefined) {
      return [...errors, ...fullyQualifiedName(matchAttribute, `${field}.matchAttribute`)];
    }
    if (distinctAttribute !== undefined) {
      return [...errors, ...fullyQualifiedName(distinctAttribute, `${field}.distinctAttribute`)];
    }
    const why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
    return [...errors, required(field, why)];
  };

const configurationFor =
  (names: RequestNames): Check<DeviceClaimConfiguration> =>
  ({ requests, opaque }, field) => [
    ...requestsOf(names)(requests, `${field}.requests`),
    ...validateOpaque(opaque, `${field}.opaque`),
  ];

export const validateOpaque = given<OpaqueDeviceConfiguration>(({ driver, parameters }, field) => [
  ...csiDriverName(driver, `${field}.driver`),
  ...rawObject(parameters, `${field}.parameters`, MAX_PARAMETERS),
]);

/** Access for administrators is given in namespaces that say so. `requests` of the claim. */
export function adminRequest({ requests }: DeviceClaim): number {
  return (requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess);
}
