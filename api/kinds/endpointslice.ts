// EndpointSlice of discovery.k8s.io/v1.
import { ageOf } from '../age.ts';
import { duplicate, type FieldError, invalid, required, tooMany } from '../field.ts';
import { familyOf } from '../ip.ts';
import type { Rules } from '../kind.ts';
import { isEqual } from '../object.ts';
import {
  dns1123LabelErrors,
  dns1123SubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '../selectors/syntax.ts';
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from '../types/discovery.v1.ts';
import { address, immutable, named, oneOf } from './checks.ts';
import { nonSpecial } from './endpoints.ts';
import { countGeneration, startGeneration } from './generation.ts';

const MAX_HINTS = 8;
const MAX_ENDPOINTS = 1000;
const MAX_PORTS = 20_000;
const MAX_ADDRESSES = 100;
const MAX_PRINTED = 3;

export const endpointSlice: Rules<EndpointSlice> = {
  default({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },

  prepareForCreate: startGeneration,

  prepareForUpdate(object, old) {
    countGeneration(object, old, ['addressType', 'endpoints', 'ports']);
    const relabelled = !isEqual(object.metadata.labels, old.metadata.labels);
    if (relabelled) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
  },

  validate({ addressType, endpoints, ports }, old) {
    const errors: FieldError[] = [];
    if (!addressType) errors.push(required('addressType'));
    else errors.push(...oneOf(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType'));
    // An address that was let in once stays, whatever the rules have become since.
    const known = new Set(old?.endpoints?.flatMap(({ addresses }) => addresses ?? []));
    errors.push(...validateEndpoints(endpoints ?? [], { addressType, known }));
    return [...errors, ...validatePorts(ports ?? [])];
  },

  validateUpdate: (object, old) => immutable(object.addressType, old.addressType, 'addressType'),

  warnings: ({ addressType }) => (addressType === 'FQDN' ? ['addressType: FQDN endpoints are deprecated'] : []),

  cells: ({ metadata, addressType, endpoints, ports }, now) => [
    metadata.name,
    addressType,
    formatPorts(ports ?? []),
    formatAddresses(endpoints ?? []),
    ageOf(metadata.creationTimestamp, now),
  ],
};

interface AddressRules {
  readonly addressType: string;
  /** Addresses that are not checked. */
  readonly known: ReadonlySet<string>;
}

function validateEndpoints(endpoints: readonly Endpoint[], rules: AddressRules): FieldError[] {
  if (endpoints.length > MAX_ENDPOINTS) return [tooMany('endpoints', endpoints.length, MAX_ENDPOINTS)];
  return endpoints.flatMap((endpoint, i) => validateEndpoint(endpoint, rules, `endpoints[${i}]`));
}

function validateEndpoint(
  { addresses, hostname, nodeName, hints }: Endpoint,
  { addressType, known }: AddressRules,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!addresses?.length) errors.push(required(`${field}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES)
    errors.push(tooMany(`${field}.addresses`, addresses.length, MAX_ADDRESSES));
  else {
    for (const [i, one] of addresses.entries()) {
      if (!known.has(one)) errors.push(...validateAddress(one, addressType, `${field}.addresses[${i}]`));
    }
  }
  if (nodeName !== undefined) errors.push(...named(dns1123SubdomainErrors, nodeName, `${field}.nodeName`));
  if (hostname !== undefined) errors.push(...named(dns1123LabelErrors, hostname, `${field}.hostname`));
  return hints ? [...errors, ...validateHints(hints, `${field}.hints`)] : errors;
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, field: string): FieldError[] {
  return [
    ...validateNames(forZones, labelValueErrors, `${field}.forZones`),
    // Nobody looks on behind a list that is too long.
    ...(forZones.length > MAX_HINTS ? [] : validateNames(forNodes, dns1123SubdomainErrors, `${field}.forNodes`)),
  ];
}

function validateNames(
  hints: ReadonlyArray<{ name?: string }>,
  rule: (text: string) => string[],
  field: string,
): FieldError[] {
  if (hints.length > MAX_HINTS) return [tooMany(field, hints.length, MAX_HINTS)];
  return hints.flatMap(({ name = '' }, i) => [
    ...(hints.findIndex((other) => (other.name ?? '') === name) < i ? [duplicate(`${field}[${i}].name`, name)] : []),
    ...named(rule, name, `${field}[${i}].name`),
  ]);
}

function validateAddress(text: string, addressType: string, field: string): FieldError[] {
  if (addressType === 'FQDN') return named(dns1123SubdomainErrors, text, field);
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return []; // said of the type already
  const errors = address(text, field);
  if (errors.length > 0) return errors;
  if (familyOf(text) !== addressType) {
    errors.push(invalid(field, text, `must be a valid ${addressType} address`));
  }
  return [...errors, ...nonSpecial(text, field)];
}

function validatePorts(ports: readonly EndpointPort[]): FieldError[] {
  if (ports.length > MAX_PORTS) return [tooMany('ports', ports.length, MAX_PORTS)];
  const taken = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, i) => {
    const field = `ports[${i}]`;
    const errors = name ? named(dns1123LabelErrors, name, `${field}.name`) : [];
    if (taken.has(name)) errors.push(duplicate(`${field}.name`, name));
    taken.add(name);
    if (protocol === undefined) errors.push(required(`${field}.protocol`));
    else errors.push(...oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${field}.protocol`));
    if (appProtocol !== undefined) errors.push(...named(qualifiedNameErrors, appProtocol, `${field}.appProtocol`));
    // Upstream lets any number pass.
    return errors;
  });
}

function formatPorts(ports: readonly EndpointPort[]): string {
  if (ports.length === 0) return '<unset>';
  return abbreviate(ports.map(({ name, port }) => (port !== undefined ? String(port) : name || '*')));
}

function formatAddresses(endpoints: readonly Endpoint[]): string {
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses ?? []);
  return addresses.length === 0 ? '<unset>' : abbreviate(addresses);
}

function abbreviate(words: readonly string[]): string {
  const shown = words.slice(0, MAX_PRINTED).join(',');
  return words.length > MAX_PRINTED ? `${shown} + ${words.length - MAX_PRINTED} more...` : shown;
}
