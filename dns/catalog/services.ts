// Services, by name and by cluster IP.
import { isIP } from 'node:net';
import type { Service } from '../../api/types/core.v1.ts';
import { type Name, nameOf } from '../wire/name.ts';
import { Table } from './table.ts';

export interface Port {
  /** '' when it has none. */
  readonly name: string;
  /** In lower case: `tcp`. */
  readonly protocol: string;
  /** -1: of what has no ports. */
  readonly port: number;
}

/** Stands for the ports of what has none, so that it still has addresses (upstream's sentinel). */
export const NO_PORTS: readonly Port[] = [{ name: '', protocol: '', port: -1 }];

export interface ServiceRow {
  readonly namespace: string;
  readonly name: string;
  readonly type: 'ClusterIP' | 'Headless' | 'ExternalName';
  /** Empty but for ClusterIP. */
  readonly clusterIPs: readonly string[];
  readonly ports: readonly Port[];
  /** Of ExternalName; absent when it is an address, or no name at all: such a Service has no records. */
  readonly externalName?: Name;
}

export class Services extends Table<Service, ServiceRow> {
  readonly #byClusterIP = new Map<string, ServiceRow>();

  /** `address` in canonical form, as the API server allocates it. */
  byClusterIP(address: string): ServiceRow | undefined {
    return this.#byClusterIP.get(address);
  }

  protected override keep({ metadata, spec = {} }: Service): ServiceRow {
    const { clusterIP = '', clusterIPs = [clusterIP], ports = [], externalName = '' } = spec;
    const type = spec.type === 'ExternalName' ? 'ExternalName' : clusterIPs[0] === 'None' ? 'Headless' : 'ClusterIP';
    return {
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      type,
      clusterIPs: type === 'ClusterIP' ? clusterIPs.filter((ip) => isIP(ip)) : [],
      ports: ports.length > 0 ? ports.map(portOf) : NO_PORTS,
      ...(type === 'ExternalName' && !isIP(externalName) && { externalName: nameOf(externalName) || undefined }),
    };
  }

  protected override inserted(row: ServiceRow): void {
    for (const ip of row.clusterIPs) this.#byClusterIP.set(ip, row);
  }

  protected override deleted(row: ServiceRow): void {
    for (const ip of row.clusterIPs) if (this.#byClusterIP.get(ip) === row) this.#byClusterIP.delete(ip);
  }
}

export function portOf({ name, protocol, port }: { name?: string; protocol?: string; port?: number }): Port {
  return { name: name?.toLowerCase() ?? '', protocol: protocol?.toLowerCase() ?? '', port: port ?? -1 };
}
