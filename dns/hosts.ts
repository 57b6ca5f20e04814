// What the cluster has under a name: the hosts that every family of records is made of (Kubernetes DNS specification 1.1; where it is
// silent, as CoreDNS's kubernetes plugin answers).
import { isIP } from 'node:net';
import { formatAddress, parseAddress } from '../api/ip.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { SliceRow } from './catalog/endpoint-slices.ts';
import type { Port, ServiceRow } from './catalog/services.ts';
import { join, type Name, nameOf } from './wire/name.ts';

export interface Host {
  /** The name it has of its own, whatever name it was found by. */
  readonly name: Name;
  /** 4 or 6: `address` is one of that family; 0: it is elsewhere, under the name `alias`. */
  readonly family: 0 | 4 | 6;
  readonly address: string;
  readonly alias: Name;
  /** -1: none. */
  readonly port: number;
}

/** Labels below a zone, outermost first. */
type Labels = readonly string[];

/**
 * The hosts under `labels` of the cluster's zone: empty when the name exists and has none, undefined when it does not exist.
 * `[…, service, namespace, svc]` or `[…, address, namespace, pod]`.
 */
export function hostsAt(catalog: Catalog, zone: Name, labels: Labels): readonly Host[] | undefined {
  const kind = labels.at(-1);
  if (kind === undefined) return [];
  if (kind !== 'svc' && kind !== 'pod') return undefined;
  const namespace = labels.at(-2);
  if (namespace === undefined) return [];
  if (labels.length > 5 || !catalog.namespaces.has(namespace)) return undefined;
  const parent = join([namespace, kind], zone);
  return kind === 'pod'
    ? podHosts(catalog, { namespace, label: labels.at(-3), parent })
    : serviceHosts(catalog, { namespace, labels: labels.slice(0, -2), parent });
}

interface PodName {
  readonly namespace: string;
  readonly label: string | undefined;
  readonly parent: Name;
}

function podHosts(catalog: Catalog, { namespace, label, parent }: PodName): readonly Host[] | undefined {
  if (catalog.podMode === 'disabled') return undefined;
  if (label === undefined) return [];
  const address = podAddress(label);
  if (!address || (catalog.podMode === 'verified' && !catalog.pods.has(namespace, address))) return undefined;
  return [{ name: join([label], parent), family: isIP(address) as 4 | 6, address, alias: '', port: 0 }];
}

/** `10-244-1-5` → `10.244.1.5`, `fd00--1` → `fd00::1`; undefined for what is no address. */
function podAddress(label: string): string | undefined {
  const isV4 = /^\d+-\d+-\d+-\d+$/.test(label);
  const address = parseAddress(label.replaceAll('-', isV4 ? '.' : ':'));
  return address && formatAddress(address);
}

interface ServiceName {
  readonly namespace: string;
  /** `[service]`, `[endpoint, service]` or `[port, protocol, service]`. */
  readonly labels: Labels;
  readonly parent: Name;
}

function serviceHosts(catalog: Catalog, { namespace, labels, parent }: ServiceName): readonly Host[] | undefined {
  const name = labels.at(-1);
  if (name === undefined) return [];
  const service = catalog.services.row(`${namespace}/${name}`);
  if (!service) return undefined;
  const own = join([name], parent);
  const ofPort = labels.length === 3 ? portFilter(labels[0], labels[1]) : undefined;
  const endpoint = labels.length === 2 ? labels[0] : undefined;
  if (service.type === 'ExternalName') return labels.length === 1 ? externalHosts(service, own) : undefined;
  const hosts =
    service.type === 'Headless' || endpoint !== undefined
      ? endpointHosts(catalog.slices.ofService(namespace, name), own, { endpoint, ofPort })
      : clusterIPHosts(service, own, ofPort);
  return hosts.length > 0 ? hosts : undefined;
}

type PortFilter = (port: Port) => boolean;

/** Underscores are optional. */
function portFilter(port: string, protocol: string): PortFilter {
  const [name, of] = [port, protocol].map((label) => (label.startsWith('_') ? label.slice(1) : label));
  return (one) => one.name === name && one.protocol === of;
}

function externalHosts({ externalName }: ServiceRow, name: Name): readonly Host[] | undefined {
  return externalName === undefined ? undefined : [{ name, family: 0, address: '', alias: externalName, port: -1 }];
}

/** A cluster IP answers whether or not there are endpoints. */
function clusterIPHosts(service: ServiceRow, name: Name, ofPort: PortFilter = () => true): Host[] {
  const ports = service.ports.filter(ofPort);
  return ports.flatMap(({ port }) =>
    service.clusterIPs.map((address) => ({ name, family: isIP(address) as 4 | 6, address, alias: '', port })),
  );
}

function endpointHosts(
  slices: Iterable<SliceRow>,
  service: Name,
  { endpoint, ofPort = () => true }: { endpoint?: string; ofPort?: PortFilter },
): Host[] {
  const hosts: Host[] = [];
  for (const slice of slices) {
    const ports = slice.ports.filter(ofPort);
    for (const { address, label } of ports.length > 0 ? slice.endpoints : []) {
      if (endpoint !== undefined && endpoint !== label) continue;
      const family = isIP(address) as 0 | 4 | 6;
      const alias = family === 0 ? nameOf(address) : '';
      if (alias === undefined) continue;
      const host = { name: join([label], service), family, address, alias };
      for (const { port } of ports) hosts.push({ ...host, port });
    }
  }
  return hosts;
}
