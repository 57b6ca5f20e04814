// What can be wrong between Services and the IPAddress objects of their cluster IPs, and what mends it; in the words of upstream's
// ipallocator-repair-controller (k8s.io/kubernetes v1.36 pkg/registry/core/service/ipallocator/controller/repairip.go). A Service and
// its objects are written together, so that only a hand, another tool or another range can bring them apart.
import { formatAddress, parseAddress } from '../../api/ip.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Service } from '../../api/types/core.v1.ts';
import type { IPAddress, ParentReference } from '../../api/types/networking.v1.ts';
import type { EventDraft } from '../events.ts';
import type { PortRange } from './node-ports.ts';
import { offers, type ServiceRange } from './service-ranges.ts';

/** What there is now. */
export interface Known {
  addressOf(name: string): IPAddress | undefined;
  serviceAt(namespace: string, name: string): Service | undefined;
  readonly ranges: readonly ServiceRange[];
  readonly ports: PortRange;
}

export interface Fault {
  readonly event: EventDraft;
  /** Deleted first, then given an object anew that points to `give.to`. */
  readonly free?: string;
  readonly give?: { readonly address: string; readonly to: Service };
}

export function faultsOfService(service: Service, known: Known): Fault[] {
  const { spec } = service;
  const addresses = spec?.type === 'ExternalName' || spec?.clusterIP === 'None' ? [] : (spec?.clusterIPs ?? []);
  return [...addresses.flatMap((text) => faultOfClusterIP(service, text, known)), ...portsOutOfRange(service, known)];
}

function faultOfClusterIP(service: Service, text: string, known: Known): Fault[] {
  const { name, namespace = '' } = service.metadata;
  const address = parseAddress(text);
  if (!address) return [];
  const told = (reason: string, note: string): EventDraft =>
    warning(service, 'Service', reason, 'ClusterIPAllocation', note);
  const ip = formatAddress(address);
  if (!known.ranges.some(({ block }) => offers(block, address))) {
    const note = `Cluster IP [${address.family}]: ${ip} is not within any configured Service CIDR; please recreate service`;
    return [{ event: told('ClusterIPOutOfRange', note) }];
  }
  const give = { address: ip, to: service };
  const object = known.addressOf(ip);
  if (!object) {
    const note = `Cluster IP [${address.family}]: ${ip} is not allocated; repairing`;
    return [{ event: told('ClusterIPNotAllocated', note), give }];
  }
  const parent = object.spec?.parentRef;
  if (isOf(parent, service)) return [];
  const other = isService(parent) ? known.serviceAt(parent?.namespace ?? '', parent?.name ?? '') : undefined;
  if (other && holds(other, ip)) {
    const note = `Cluster IP [${address.family}]:${ip} was assigned to multiple services; please recreate service`;
    return [{ event: told('ClusterIPAlreadyAllocated', note) }];
  }
  const note = `the ClusterIP [${address.family}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`;
  return [{ event: told('ClusterIPNotAllocated', note), free: ip, give }];
}

function portsOutOfRange(service: Service, { ports }: Known): Fault[] {
  const { from, to } = ports;
  const held = [...(service.spec?.ports ?? []).map(({ nodePort }) => nodePort), service.spec?.healthCheckNodePort];
  const outside = held.filter((port) => port && (port < from || port > to));
  return outside.map((port) => {
    const note = `Port ${port} is not within the port range ${from}-${to}; please recreate service`;
    return { event: warning(service, 'Service', 'PortOutOfRange', 'PortAllocation', note) };
  });
}

/** An address that the allocator gave out and no Service holds. */
export function faultOfAddress(object: IPAddress, known: Known): Fault | undefined {
  const { name, labels } = object.metadata;
  if (labels?.['ipaddress.kubernetes.io/managed-by'] !== 'ipallocator.k8s.io') return undefined;
  const parent = object.spec?.parentRef;
  const told = (reason: string, note: string): Fault => ({
    event: warning(object, 'IPAddress', reason, 'IPAddressAllocation', note),
    free: name,
  });
  if (!isService(parent)) {
    const { group = '', resource = '', namespace = '', name: of = '' } = parent ?? {};
    const what = `&ParentReference{Group:${group},Resource:${resource},Namespace:${namespace},Name:${of},}`;
    const note = `IPAddress ${name} appears to have been modified, not referencing a Service ${what}: cleaning up`;
    return told('IPAddressNotAllocated', note);
  }
  const place = `${parent?.namespace}/${parent?.name}`;
  const service = known.serviceAt(parent?.namespace ?? '', parent?.name ?? '');
  if (service && holds(service, name)) return undefined;
  return service
    ? told('IPAddressWrongReference', `IPAddress: ${name} for Service ${place} has a wrong reference; cleaning up`)
    : told('IPAddressNotAllocated', `IPAddress: ${name} for Service ${place} appears to have leaked: cleaning up`);
}

const isService = (parent: ParentReference | undefined): boolean => !parent?.group && parent?.resource === 'services';

const isOf = (parent: ParentReference | undefined, { metadata }: Service): boolean =>
  isService(parent) && parent?.namespace === metadata.namespace && parent?.name === metadata.name;

function holds({ spec }: Service, address: string): boolean {
  return (spec?.clusterIPs ?? []).some((text) => {
    const held = parseAddress(text);
    return held !== undefined && formatAddress(held) === address;
  });
}

function warning(about: KubeObject, kind: string, reason: string, action: string, note: string): EventDraft {
  const apiVersion = kind === 'Service' ? 'v1' : 'networking.k8s.io/v1';
  return { about, kind, apiVersion, reportingController: 'ipallocator-repair-controller', reason, action, note };
}
