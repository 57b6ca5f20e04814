// ResourceSlice of resource.k8s.io/v1: the devices that a driver offers, on one node or on many
// (k8s.io/kubernetes v1.36 pkg/apis/resource).
import { ageOf } from '../../age.ts';
import { type FieldError, invalid, required } from '../../field.ts';
import type { Rules, WriteContext } from '../../kind.ts';
import type { CounterSet, Device, ResourcePool, ResourceSlice, ResourceSliceSpec } from '../../types/resource.v1.ts';
import { immutable } from '../checks.ts';
import { countGeneration, startGeneration } from '../generation.ts';
import { validateNodeSelector } from '../pod/node-selector.ts';
import { csiDriverName } from '../pod/volume-source.ts';
import { listOf, maybe, structOf } from '../rule-table.ts';
import { counterSetName, validateCounters, validateDevice } from './device.ts';
import { nodeName, poolName } from './names.ts';

const MAX_DEVICES = 128;
/** Of devices with taints or counters. */
const MAX_ELABORATE_DEVICES = 64;
const MAX_COUNTER_SETS = 8;

export const resourceSlice: Rules<ResourceSlice> = {
  deleteAnswersObject: true,

  prepareForCreate(object, write) {
    startGeneration(object);
    dateTaints(object, write);
    dropDisabled(object);
  },

  prepareForUpdate(object, old, _subresource, write) {
    dateTaints(object, write);
    countGeneration(object, old);
    dropDisabled(object);
  },

  validate: ({ spec }, old) => validateSpec(spec, old?.spec),

  validateUpdate: ({ spec }, { spec: old }) => [
    ...immutable(spec.pool?.name, old.pool?.name, 'spec.pool.name'),
    ...immutable(spec.driver, old.driver, 'spec.driver'),
    ...immutable(spec.nodeName, old.nodeName, 'spec.nodeName'),
  ],

  warnings: ({ spec: { driver } }) =>
    driver === driver.toLowerCase()
      ? []
      : [`spec.driver: driver names should be lowercase; ${JSON.stringify(driver)} contains uppercase characters`],

  cells: ({ metadata, spec }, now) => [
    metadata.name,
    spec.nodeName ?? '',
    spec.driver,
    spec.pool.name,
    ageOf(metadata.creationTimestamp, now),
  ],

  fields: ({ spec }) => ({ 'spec.nodeName': spec.nodeName ?? '', 'spec.driver': spec.driver }),
};

function dateTaints({ spec }: ResourceSlice, { now }: WriteContext): void {
  for (const { taints = [] } of spec.devices ?? []) for (const taint of taints) taint.timeAdded ??= now;
}

/** Lists of values and shares of a node's own resources are features that are off by default: nobody gets them stored. */
function dropDisabled({ spec }: ResourceSlice): void {
  for (const device of spec.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const list of ['bools', 'ints', 'strings', 'versions'] as const) delete attribute[list];
    }
  }
}

function validateSpec(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined): FieldError[] {
  const { devices, sharedCounters, perDeviceNodeSelection: saysNodes = false } = spec;
  const isElaborate = devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  const device = (one: Device, field: string): FieldError[] =>
    validateDevice(one, field, { old: before.get(one.name), saysNodes });
  const errors = [
    ...csiDriverName(spec.driver, 'spec.driver'),
    ...validatePool(spec.pool ?? {}, 'spec.pool'),
    ...validateNodes(spec, 'spec'),
  ];
  if (sharedCounters && devices) {
    errors.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  const max = isElaborate ? MAX_ELABORATE_DEVICES : MAX_DEVICES;
  return [
    ...errors,
    ...listOf(device, { max, key: ({ name }) => name })(devices, 'spec.devices'),
    ...listOf(counterSet, { max: MAX_COUNTER_SETS, key: ({ name }) => name })(sharedCounters, 'spec.sharedCounters'),
  ];
}

const counterSet = structOf<CounterSet>({ name: counterSetName, counters: validateCounters });

function validatePool(
  { name, resourceSliceCount: count = 0, generation = 0 }: Partial<ResourcePool>,
  field: string,
): FieldError[] {
  return [
    ...poolName(name, `${field}.name`),
    ...(count > 0 ? [] : [invalid(`${field}.resourceSliceCount`, count, 'must be greater than zero')]),
    ...(generation < 0 ? [invalid(`${field}.generation`, generation, 'must be greater than or equal to zero')] : []),
  ];
}

const ONE_WAY = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
const NOT_FALSE = 'must be either unset or set to true';

function validateNodes(spec: ResourceSliceSpec, field: string): FieldError[] {
  const { nodeName: name, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const at = `${field}.nodeSelector`;
  const errors: FieldError[] = [];
  if (name === '') errors.push(invalid(`${field}.nodeName`, name, 'must be either unset or set to a non-empty string'));
  else if (name) errors.push(...nodeName(name, `${field}.nodeName`));
  errors.push(...maybe(validateNodeSelector)(nodeSelector, at));
  const terms = nodeSelector?.nodeSelectorTerms;
  if (nodeSelector && terms?.length !== 1) {
    errors.push(invalid(`${at}.nodeSelectorTerms`, terms, 'must have exactly one node selector term'));
  }
  if (allNodes === false) errors.push(invalid(`${field}.allNodes`, false, NOT_FALSE));
  if (perDeviceNodeSelection === false) errors.push(invalid(`${field}.perDeviceNodeSelection`, false, NOT_FALSE));
  const ways = { nodeName: name, nodeSelector, allNodes, perDeviceNodeSelection };
  const set = Object.entries(ways).filter(([, value]) => value);
  if (set.length === 0) return [...errors, required(field, ONE_WAY)];
  if (set.length === 1) return errors;
  const all = `{${set.map(([key]) => `\`${key}\``).join(', ')}}`;
  return [...errors, invalid(field, all, `${ONE_WAY}, but multiple fields are set`)];
}
