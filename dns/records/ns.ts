// NS records of a zone, and who `ns.dns` is: the Services that this server is an endpoint of, by its own addresses.
import { isIP } from 'node:net';
import type { Catalog } from '../catalog/catalog.ts';
import type { Host } from '../hosts.ts';
import { found, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';
import { join, type Name } from '../wire/name.ts';
import type { AddressRecord } from '../wire/record.ts';

export interface NameserverOptions {
  readonly ttl: number;
  readonly clusterZone: Name;
  /** Addresses of this server as endpoints know them. */
  readonly ownAddresses: readonly string[];
}

/** The zone's servers with the addresses that clients reach them by. */
export function nameservers(catalog: Catalog, options: NameserverOptions): Host[] {
  const found = options.ownAddresses.flatMap((address) => servicesOf(catalog, address, options.clusterZone));
  if (found.length > 0) return found;
  const name = join(['ns', 'dns'], options.clusterZone);
  return options.ownAddresses.map((address) => host(name, address));
}

function servicesOf(catalog: Catalog, address: string, zone: Name): Host[] {
  return [...catalog.slices.byAddress(address)].flatMap(({ namespace, service, endpoints }) => {
    const row = catalog.services.row(`${namespace}/${service}`);
    if (!row) return [];
    const name = join([service, namespace, 'svc'], zone);
    if (row.type !== 'Headless') return row.clusterIPs.map((ip) => host(name, ip));
    return endpoints.map((endpoint) => host(join([endpoint.label], name), endpoint.address));
  });
}

const host = (name: Name, address: string): Host => {
  return { name, family: isIP(address) as 4 | 6, address, alias: '', port: -1 };
};

export function nameserverRecords(hosts: readonly Host[], ttl: number): Resolution {
  const names = [...new Set(hosts.map(({ name }) => name))];
  const additional = new Map<string, AddressRecord>();
  for (const { name, family, address } of hosts) {
    const type = family === 4 ? TYPE.A : TYPE.AAAA;
    additional.set(`${address} ${name}`, { type, owner: name, ttl, address });
  }
  return found(
    names.map((target) => ({ type: TYPE.NS, ttl, target })),
    [...additional.values()],
  );
}
