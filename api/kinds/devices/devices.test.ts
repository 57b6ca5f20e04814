// Claims, devices and capacities that upstream refuses, with the fields that it names.
import { expect, it } from 'vitest';
import type { CapacityRequestPolicy, Device, DeviceClaim, ResourceClaimStatus } from '../../types/resource.v1.ts';
import { validateCapacity } from './capacity.ts';
import { forgetDevices, validateStatus } from './claim-status.ts';
import { validateDevice } from './device.ts';
import { namesOf, validateClaim } from './request.ts';

const exactly = { deviceClassName: 'gpu', allocationMode: 'ExactCount' as const, count: 1 };
const fieldsOf = (errors: ReadonlyArray<{ field: string }>): string[] => errors.map(({ field }) => field);

it.each<[DeviceClaim, string[]]>([
  [{ requests: [{ name: 'a', exactly }], constraints: [{ requests: ['a'], matchAttribute: 'example.com/model' }] }, []],
  [{ requests: [{ name: 'a' }] }, ['c.requests[0]']],
  [{ requests: [{ name: 'a', exactly: { ...exactly, allocationMode: 'All' } }] }, ['c.requests[0].exactly.count']],
  [
    {
      requests: [
        { name: 'a', exactly },
        { name: 'a', exactly },
      ],
    },
    ['c.requests[1]'],
  ],
  [{ constraints: [{ requests: ['b'] }] }, ['c.constraints[0].requests[0]', 'c.constraints[0]']],
  [{ config: [{}] }, ['c.config[0].opaque']],
  [
    { requests: [{ name: 'a', exactly: { ...exactly, selectors: [{ cel: { expression: 'device.cost > 1' } }, {}] } }] },
    ['c.requests[0].exactly.selectors[0].cel.expression', 'c.requests[0].exactly.selectors[1].cel'],
  ],
])('claim %j', (claim, fields) => {
  expect(fieldsOf(validateClaim(claim, 'c'))).toEqual(fields);
});

it.each<[Partial<Device>, string[]]>([
  [{ attributes: { 'example.com/model': { string: 'a' }, slot: { int: 0 } } }, []],
  [
    { attributes: { 'a-b': { int: 1, bool: true }, v: { version: '1.0' } } },
    ['d.attributes', 'd.attributes[a-b]', 'd.attributes[v].version'],
  ],
  [{ nodeName: 'n' }, ['d']],
  [{ taints: [{ key: '', effect: 'None' }] }, ['d.taints[0].key', 'd.taints[0].key']],
  [{ bindingConditions: ['a'] }, ['d.bindingFailureConditions']],
  [{ consumesCounters: [{ counterSet: 'a', counters: {} }] }, ['d.consumesCounters[0].counters']],
])('device with %j', (changes, fields) => {
  expect(fieldsOf(validateDevice({ name: 'a', ...changes }, 'd', { saysNodes: false }))).toEqual(fields);
});

it.each<[CapacityRequestPolicy, string[]]>([
  [{ default: '2Gi', validValues: ['1Gi', '2Gi'] }, []],
  [{ default: '3Gi', validValues: ['2Gi', '1Gi', '9Gi'] }, ['.validValues[1]', '.validValues[2]', '.validValues']],
  [{ default: '3Gi', validRange: { min: '1Gi', max: '5Gi', step: '2Gi' } }, []],
  [{ default: '2Gi', validRange: { min: '1Gi', step: '2Gi' } }, ['.validRange.step']],
  [{ default: '2Gi', validRange: { min: '1Gi', step: '0' } }, ['.validRange.step']],
  [{ validRange: { min: '1Gi' } }, ['.default']],
])('policy %j of 8Gi', (requestPolicy, fields) => {
  const errors = validateCapacity({ value: '8Gi', requestPolicy }, 'c', { isShared: true });
  expect(fieldsOf(errors)).toEqual(fields.map((field) => `c.requestPolicy${field}`));
});

const place = { driver: 'd', pool: 'p', device: 'x' };
const allocated: ResourceClaimStatus = { allocation: { devices: { results: [{ request: 'a', ...place }] } } };
const around = { names: namesOf({ requests: [{ name: 'a', exactly }] }), isLeaving: false };

it('takes an allocation once, for those who wait for it', () => {
  const reservedFor = [{ resource: 'pods', name: 'p', uid: '1' }];
  expect(validateStatus({ ...allocated, reservedFor }, {}, around)).toEqual([]);
  expect(fieldsOf(validateStatus({ reservedFor }, {}, around))).toEqual(['status.reservedFor']);
  const moved = { allocation: { devices: { results: [] } } };
  expect(fieldsOf(validateStatus(moved, allocated, around))).toEqual(['status.allocation']);
});

it('forgets what was said of devices that are given back', () => {
  const status: ResourceClaimStatus = { devices: [place] };
  forgetDevices(status, allocated);
  expect(status).toEqual({});
});
