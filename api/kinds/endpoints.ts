// Endpoints: the older form of EndpointSlice.
import { ageOf } from '../age.ts';
import { type FieldError, invalid, required } from '../field.ts';
import { hostPort, isSpecial, parseAddress } from '../ip.ts';
import type { Rules } from '../kind.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  portNumberErrors,
  qualifiedNameErrors,
} from '../selectors/syntax.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from '../types/core.v1.ts';
import { address, named, oneOf } from './checks.ts';

const MAX_PRINTED = 3;

export const endpoints: Rules<Endpoints> = {
  createOnUpdate: true,
  deprecated: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',

  default({ subsets }) {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ??= 'TCP';
  },

  validate: ({ subsets = [] }) => subsets.flatMap((subset, i) => validateSubset(subset, `subsets[${i}]`)),

  cells: ({ metadata, subsets = [] }, now) => [
    metadata.name,
    formatSubsets(subsets),
    ageOf(metadata.creationTimestamp, now),
  ],
};

function validateSubset(
  { addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
  field: string,
): FieldError[] {
  if (addresses.length === 0 && notReadyAddresses.length === 0) {
    return [required(field, 'must specify `addresses` or `notReadyAddresses`')];
  }
  return [
    ...addresses.flatMap((one, i) => validateAddress(one, `${field}.addresses[${i}]`)),
    ...notReadyAddresses.flatMap((one, i) => validateAddress(one, `${field}.notReadyAddresses[${i}]`)),
    ...ports.flatMap((port, i) => validatePort(port, ports.length > 1, `${field}.ports[${i}]`)),
  ];
}

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, field: string): FieldError[] {
  const errors = address(ip, `${field}.ip`);
  if (hostname) errors.push(...named(dns1123LabelErrors, hostname, `${field}.hostname`));
  if (nodeName !== undefined) errors.push(...named(dns1123SubdomainErrors, nodeName, `${field}.nodeName`));
  // Upstream looks twice, with two wordings.
  if (errors.some(({ field: at }) => at === `${field}.ip`)) {
    return [...errors, invalid(`${field}.ip`, ip, 'must be a valid IP address')];
  }
  return [...errors, ...nonSpecial(ip, `${field}.ip`)];
}

/** An endpoint's address must be of a host that others reach. */
export function nonSpecial(text: string, field: string): FieldError[] {
  const ip = parseAddress(text);
  if (!ip) return [invalid(field, text, 'must be a valid IP address')];
  if (isSpecial(ip, 'unspecified')) return [invalid(field, text, `may not be unspecified (${text})`)];
  if (isSpecial(ip, 'loopback'))
    return [invalid(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  if (isSpecial(ip, 'linkLocal')) {
    return [invalid(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  }
  if (isSpecial(ip, 'linkLocalMulticast')) {
    return [invalid(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')];
  }
  return [];
}

function validatePort(
  { name, port, protocol, appProtocol }: EndpointPort,
  needsName: boolean,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (needsName && !name) errors.push(required(`${field}.name`));
  else if (name) errors.push(...named(dns1123LabelErrors, name, `${field}.name`));
  errors.push(...portNumberErrors(port).map((error) => invalid(`${field}.port`, port, error)));
  errors.push(...oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${field}.protocol`));
  if (appProtocol === undefined) return errors;
  return [...errors, ...named(qualifiedNameErrors, appProtocol, `${field}.appProtocol`)];
}

/** The first few ready addresses with their ports, then how many more there are. */
function formatSubsets(subsets: readonly EndpointSubset[]): string {
  if (subsets.length === 0) return '<none>';
  const shown: string[] = [];
  let count = 0;
  for (const { addresses = [], ports = [] } of subsets) {
    for (const { ip } of ports.length > 0 ? [] : addresses) {
      count += 1;
      if (shown.length < MAX_PRINTED) shown.push(ip);
    }
    for (const { port } of ports) {
      for (const { ip } of addresses) {
        count += 1;
        if (shown.length < MAX_PRINTED) shown.push(hostPort(ip, port));
      }
    }
  }
  return count > shown.length ? `${shown.join(',')} + ${count - shown.length} more...` : shown.join(',');
}
