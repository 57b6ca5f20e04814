// PTR records: the names of an address. A cluster IP has one; an endpoint has one in every Service that it is ready in.
import { formatAddress, parseAddress } from '../../api/ip.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { found, OUTSIDE, type Question, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';
import { join, type Name } from '../wire/name.ts';

export interface PointerOptions {
  readonly ttl: number;
  readonly clusterZone: Name;
}

/** Addresses that nothing here has may belong to others: outside. */
export function pointers(catalog: Catalog, { labels, zone }: Question, options: PointerOptions): Resolution {
  const address = addressOf(labels, zone.name);
  const names = address === undefined ? [] : namesOf(catalog, address, options.clusterZone);
  if (names.length === 0) return OUTSIDE;
  return found([...new Set(names)].map((target) => ({ type: TYPE.PTR, ttl: options.ttl, target })));
}

function namesOf(catalog: Catalog, address: string, zone: Name): Name[] {
  const service = catalog.services.byClusterIP(address);
  if (service) return [join([service.name, service.namespace, 'svc'], zone)];
  const names: Name[] = [];
  for (const { service: name, namespace, endpoints } of catalog.slices.byAddress(address)) {
    for (const endpoint of endpoints) {
      if (endpoint.address === address) names.push(join([endpoint.label, name, namespace, 'svc'], zone));
    }
  }
  return names;
}

export const IN_ADDR_ARPA = join(['in-addr', 'arpa']);
export const IP6_ARPA = join(['ip6', 'arpa']);

/** `['20', '0', '96', '10']` → `10.96.0.20`; 32 nibbles → an IPv6 address in canonical form; undefined for anything else. */
function addressOf(labels: readonly string[], zone: Name): string | undefined {
  const backwards = labels.toReversed();
  const isV6 = zone === IP6_ARPA;
  if (isV6 && (labels.length !== 32 || !labels.every((label) => /^[0-9a-f]$/.test(label)))) return undefined;
  const text = isV6 ? backwards.join('').replace(/(.{4})(?=.)/g, '$1:') : backwards.join('.');
  const address = parseAddress(text);
  return address && formatAddress(address);
}
