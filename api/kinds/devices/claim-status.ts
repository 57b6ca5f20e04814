// What was allocated for a claim, for whom it is reserved, and what drivers say of its devices
// (k8s.io/kubernetes v1.36 pkg/apis/resource/validation).
import { type FieldError, forbidden, invalid, tooLong, tooMany } from '../../field.ts';
import { formatAddress, parseAddress } from '../../ip.ts';
import { isEqual } from '../../object.ts';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
} from '../../types/resource.v1.ts';
import { immutable } from '../checks.ts';
import { validateConditions } from '../conditions.ts';
import { validateNodeSelector } from '../pod/node-selector.ts';
import { csiDriverName } from '../pod/volume-source.ts';
import { among, type Check, listOf, maybe, needed, structOf } from '../rule-table.ts';
import { validateBinding } from './device.ts';
import { label, poolName, type RequestNames, rawObject, requestOf, uid } from './names.ts';
import { MAX_CONFIG, requestsOf, validateOpaque } from './request.ts';

const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
const MAX_CONDITIONS = 8;
const MAX_ADDRESSES = 16;
/** In bytes. */
const MAX_DATA = 10 * 1024;
const MAX_INTERFACE = 256;
const MAX_HARDWARE = 128;

type Place = Pick<DeviceRequestAllocationResult, 'driver' | 'pool' | 'device' | 'shareID'>;

/** One device, or one share of it. */
const placeOf = ({ driver, pool, device, shareID }: Place): string =>
  [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join('/');

/** What is said of devices that are allocated no more, is forgotten. */
export function forgetDevices(status: ResourceClaimStatus, old: ResourceClaimStatus): void {
  const left = new Set((status.allocation?.devices?.results ?? []).map(placeOf));
  const gone = new Set((old.allocation?.devices?.results ?? []).map(placeOf).filter((place) => !left.has(place)));
  status.devices = status.devices?.filter((device) => !gone.has(placeOf(device)));
  if (!status.devices?.length) delete status.devices;
}

export function validateStatus(
  status: ResourceClaimStatus,
  old: ResourceClaimStatus,
  { names, isLeaving }: { readonly names: RequestNames; readonly isLeaving: boolean },
): FieldError[] {
  const { reservedFor = [], allocation, devices } = status;
  const places = new Set((allocation?.devices?.results ?? []).map(placeOf));
  const fresh = reservedFor.filter((one) => !(old.reservedFor ?? []).some((other) => isEqual(one, other)));
  const errors = listOf(consumer, { max: MAX_CONSUMERS, key: (one) => one.uid })(reservedFor, 'status.reservedFor');
  errors.push(...listOf(deviceOf(places), { key: placeOf })(devices, 'status.devices'));
  if (reservedFor.length > 0 && !allocation) {
    errors.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
  } else if (isLeaving && fresh.length > 0) {
    const why = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
    errors.push(forbidden('status.reservedFor', why));
  }
  if (!allocation) return errors;
  if (old.allocation) return [...errors, ...immutable(allocation, old.allocation, 'status.allocation')];
  return [...errors, ...validateAllocation(allocation, names, 'status.allocation')];
}

const consumer = structOf<ResourceClaimConsumerReference>({ resource: needed(), name: needed(), uid: needed() });

function validateAllocation(
  { devices, nodeSelector }: AllocationResult,
  names: RequestNames,
  field: string,
): FieldError[] {
  return [
    ...listOf(resultFor(names), { max: MAX_RESULTS })(devices?.results, `${field}.devices.results`),
    ...listOf(configurationFor(names), { max: 2 * MAX_CONFIG })(devices?.config, `${field}.devices.config`),
    ...maybe(validateNodeSelector)(nodeSelector, `${field}.nodeSelector`),
  ];
}

const resultFor =
  (names: RequestNames): Check<DeviceRequestAllocationResult> =>
  (result, field) => [
    ...requestOf(names)(result.request, `${field}.request`),
    ...csiDriverName(result.driver, `${field}.driver`),
    ...poolName(result.pool, `${field}.pool`),
    ...label(result.device, `${field}.device`),
    ...validateBinding(result, field),
    ...maybe(uid)(result.shareID, `${field}.shareID`),
  ];

const configurationFor =
  (names: RequestNames): Check<DeviceAllocationConfiguration> =>
  ({ source, requests, opaque }, field) => [
    ...needed<string>(among('FromClaim', 'FromClass'))(source, `${field}.source`),
    ...requestsOf(names)(requests, `${field}.requests`),
    ...validateOpaque(opaque, `${field}.opaque`),
  ];

const deviceOf =
  (places: ReadonlySet<string>): Check<AllocatedDeviceStatus> =>
  (device, field) => {
    const { data, networkData } = device;
    const conditions = device.conditions ?? [];
    const at = `${field}.conditions`;
    return [
      ...csiDriverName(device.driver, `${field}.driver`),
      ...poolName(device.pool, `${field}.pool`),
      ...label(device.device, `${field}.device`),
      ...maybe(uid)(device.shareID, `${field}.shareID`),
      ...(places.has(placeOf(device))
        ? []
        : [invalid(field, placeOf(device), 'must be an allocated device in the claim')]),
      ...(conditions.length > MAX_CONDITIONS ? [tooMany(at, conditions.length, MAX_CONDITIONS)] : []),
      ...validateConditions(conditions, at),
      ...(data === undefined ? [] : rawObject(data, `${field}.data`, MAX_DATA)),
      ...maybe(network)(networkData, `${field}.networkData`),
    ];
  };

const shortText =
  (max: number): Check<string | undefined> =>
  (text = '', field) =>
    Buffer.byteLength(text) > max ? [tooLong(field, max)] : [];

const network = structOf<NetworkDeviceData>({
  interfaceName: shortText(MAX_INTERFACE),
  hardwareAddress: shortText(MAX_HARDWARE),
  ips: listOf(interfaceAddress, { max: MAX_ADDRESSES, key: (address) => address }),
});

/** An address with the length of its network's prefix, in the one form that it is printed in. */
function interfaceAddress(text: string, field: string): FieldError[] {
  const [host, length = '', more] = text.split('/');
  const address = parseAddress(host);
  const max = address?.family === 'IPv4' ? 32 : 128;
  if (!address || more !== undefined || !/^\d{1,3}$/.test(length) || Number(length) > max) {
    const why = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
    return [invalid(field, text, why)];
  }
  const canonical = `${formatAddress(address)}/${Number(length)}`;
  return text === canonical ? [] : [invalid(field, text, `must be in canonical form ("${canonical}")`)];
}

/** Which result gives access for administrators that the old status did not. */
export function adminResult(status: ResourceClaimStatus, old: ResourceClaimStatus): number {
  if (old.allocation?.devices?.results?.some(({ adminAccess }) => adminAccess)) return -1;
  return (status.allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess);
}
