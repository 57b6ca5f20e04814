// A device, as the driver that offers it describes it (k8s.io/kubernetes v1.36 pkg/apis/resource/validation).
import { duplicate, type FieldError, invalid, required, tooLong, tooMany } from '../../field.ts';
import { isEqual } from '../../object.ts';
import type {
  Counter,
  Device,
  DeviceAttribute,
  DeviceCounterConsumption,
  DeviceTaint,
} from '../../types/resource.v1.ts';
import { validateNodeSelector } from '../pod/node-selector.ts';
import { type Check, listOf, maybe, needed, structOf, unlessEmpty } from '../rule-table.ts';
import { validateCapacity } from './capacity.ts';
import { keyed, label, labelKey, labelValue, nodeName, qualifiedName } from './names.ts';
import { validateEffect } from './request.ts';

const MAX_OFFERS = 32;
const MAX_VALUES = 48;
const MAX_TAINTS = 16;
const MAX_CONSUMED = 2;
const MAX_COUNTERS = 32;
const MAX_CONDITIONS = 4;
/** In bytes. */
const MAX_VALUE = 64;

/** https://semver.org, version 2.0.0. */
const NUMBER = '(0|[1-9]\\d*)';
const IDENTIFIER = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const BUILD = '[0-9a-zA-Z-]+';
const VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(-${IDENTIFIER}(\\.${IDENTIFIER})*)?(\\+${BUILD}(\\.${BUILD})*)?$`,
);

export interface Neighbours {
  /** The device of this name before an update. */
  readonly old?: Device;
  /** Whether each device says for itself on which nodes it can be used. */
  readonly saysNodes: boolean;
}

export function validateDevice(device: Device, field: string, { old, saysNodes }: Neighbours): FieldError[] {
  const { attributes = {}, capacity = {}, taints, consumesCounters } = device;
  const isShared = device.allowMultipleAllocations ?? false;
  const errors = [...label(device.name, `${field}.name`), ...validateSize(device, field)];
  for (const [key, attribute] of Object.entries(attributes)) {
    errors.push(...qualifiedName(key, `${field}.attributes`));
    errors.push(...validateAttribute(attribute, keyed(`${field}.attributes`, key)));
  }
  for (const [key, value] of Object.entries(capacity)) {
    errors.push(...qualifiedName(key, `${field}.capacity`));
    errors.push(...validateCapacity(value, keyed(`${field}.capacity`, key), { isShared }));
  }
  const isTainted = !isEqual(old?.taints ?? [], taints ?? []);
  const consumed = listOf(consumption, { max: MAX_CONSUMED, key: (one: DeviceCounterConsumption) => one.counterSet });
  return [
    ...errors,
    ...(isTainted ? listOf(taint, { max: MAX_TAINTS })(taints, `${field}.taints`) : []),
    ...consumed(consumesCounters, `${field}.consumesCounters`),
    ...(saysNodes ? validateNodes(device, field) : validateNoNodes(device, field)),
    ...validateBinding(device, field),
  ];
}

function validateSize({ attributes = {}, capacity = {} }: Device, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const offers = Object.keys(attributes).length + Object.keys(capacity).length;
  const tell = (count: number, max: number, what: string): void => {
    if (count > max) errors.push(invalid(field, count, `the total number of ${what} must not exceed ${max}`));
  };
  tell(offers, MAX_OFFERS, 'attributes and capacities');
  tell(Object.keys(attributes).length, MAX_VALUES, 'attribute values');
  return errors;
}

function validateAttribute(attribute: DeviceAttribute, field: string): FieldError[] {
  const { int, bool, string, version } = attribute;
  const errors = maybe(shortValue)(string, `${field}.string`);
  errors.push(...maybe(versionValue)(version, `${field}.version`));
  const count = [int, bool, string, version].filter((value) => value !== undefined).length;
  if (count === 1) return errors;
  return [...errors, invalid(field, count === 0 ? '' : inGo(attribute), 'exactly one value must be specified')];
}

/** As upstream's struct is printed. */
function inGo({ int, bool, string, version }: DeviceAttribute): object {
  const values = { IntValue: int, BoolValue: bool, StringValue: string, VersionValue: version };
  const lists = { IntValues: null, BoolValues: null, StringValues: null, VersionValues: null };
  return { ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? null])), ...lists };
}

const shortValue: Check<string> = (value, field) =>
  Buffer.byteLength(value) > MAX_VALUE ? [tooLong(field, MAX_VALUE)] : [];

const versionValue: Check<string> = (value, field) => [
  ...(VERSION.test(value) ? [] : [invalid(field, value, 'must be a string compatible with semver.org spec 2.0.0')]),
  ...shortValue(value, field),
];

const taint = structOf<DeviceTaint>({
  key: labelKey,
  value: unlessEmpty<string>(labelValue),
  effect: needed<string>(validateEffect),
});

/** Of a set of counters, and of what is taken from one. */
export const validateCounters = needed<Readonly<Record<string, Counter>>>((counters, field) => {
  const names = Object.keys(counters);
  if (names.length === 0) return [required(field)];
  if (names.length > MAX_COUNTERS) return [tooMany(field, names.length, MAX_COUNTERS)];
  return names.flatMap((name) => label(name, field));
});

export const counterSetName = needed<string>(label);

const consumption = structOf<DeviceCounterConsumption>({ counterSet: counterSetName, counters: validateCounters });

const ONE_NODE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function validateNodes({ nodeName: name, nodeSelector, allNodes }: Device, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(invalid(`${field}.nodeName`, name, 'must not be empty'));
  else if (name) errors.push(...nodeName(name, `${field}.nodeName`));
  errors.push(...maybe(validateNodeSelector)(nodeSelector, `${field}.nodeSelector`));
  if (allNodes === false) errors.push(invalid(`${field}.allNodes`, false, 'must be either unset or set to true'));
  const set = Object.entries({ nodeName: name, nodeSelector, allNodes }).filter(([, value]) => value);
  if (set.length === 0) return [...errors, required(field, ONE_NODE)];
  if (set.length === 1) return errors;
  return [...errors, invalid(field, `{${set.map(([key]) => `\`${key}\``).join(', ')}}`, ONE_NODE)];
}

function validateNoNodes({ nodeName: name, nodeSelector, allNodes }: Device, field: string): FieldError[] {
  if (name === undefined && nodeSelector === undefined && allNodes === undefined) return [];
  const why =
    '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  return [invalid(field, null, why)];
}

/** Conditions that must come true, or must not, before a pod is bound: both kinds or none. */
export function validateBinding(
  {
    bindingConditions: good = [],
    bindingFailureConditions: bad = [],
  }: Pick<Device, 'bindingConditions' | 'bindingFailureConditions'>,
  field: string,
): FieldError[] {
  const [goodField, badField] = [`${field}.bindingConditions`, `${field}.bindingFailureConditions`];
  const names = listOf<string>(labelKey, { max: MAX_CONDITIONS });
  const repeated = (list: readonly string[], at: string, i: number): FieldError[] =>
    list.indexOf(list[i]) < i ? [duplicate(`${at}[${i}]`, list[i])] : [];
  const errors = [...names(good, goodField), ...names(bad, badField)];
  errors.push(...good.flatMap((_, i) => repeated(good, goodField, i)));
  for (const [i, condition] of bad.entries()) {
    errors.push(...repeated(bad, badField, i));
    if (!good.includes(condition)) continue;
    const why = 'bindingFailureConditions must not overlap with bindingConditions';
    errors.push(invalid(`${badField}[${i}]`, condition, why));
  }
  if (good.length === 0 && bad.length > 0) {
    errors.push(invalid(goodField, null, 'bindingConditions are required to use bindingFailureConditions'));
  }
  if (bad.length === 0 && good.length > 0) {
    errors.push(invalid(badField, null, 'bindingFailureConditions are required to use bindingConditions'));
  }
  return errors;
}
