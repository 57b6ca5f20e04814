// EndpointSlices, by the Service they are of and by address. Only endpoints that are ready have names.
import type { EndpointSlice } from '../../api/types/discovery.v1.ts';
import { NO_PORTS, type Port, portOf } from './services.ts';
import { Table } from './table.ts';

export interface EndpointRow {
  /** Of IPv4 or IPv6, or a name in a slice of addressType FQDN. */
  readonly address: string;
  /** The label by which it is found below its Service's name. */
  readonly label: string;
}

export interface SliceRow {
  readonly namespace: string;
  readonly service: string;
  readonly endpoints: readonly EndpointRow[];
  readonly ports: readonly Port[];
}

const SERVICE_NAME = 'kubernetes.io/service-name';

export class EndpointSlices extends Table<EndpointSlice, SliceRow> {
  /** `namespace/service` → its slices, in the order of their first appearance. */
  readonly #ofService = new Map<string, Set<SliceRow>>();
  readonly #byAddress = new Map<string, Set<SliceRow>>();

  ofService(namespace: string, service: string): Iterable<SliceRow> {
    return this.#ofService.get(`${namespace}/${service}`) ?? [];
  }

  byAddress(address: string): Iterable<SliceRow> {
    return this.#byAddress.get(address) ?? [];
  }

  protected override keep({ metadata, endpoints, ports }: EndpointSlice): SliceRow | undefined {
    const service = metadata.labels?.[SERVICE_NAME];
    if (!service) return undefined;
    // Unset means ready. Publishing others is not decided here: the controller calls them ready then.
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready ?? true);
    return {
      namespace: metadata.namespace ?? '',
      service,
      endpoints: ready.flatMap(({ addresses, hostname }) =>
        addresses.map((address) => ({ address, label: hostname?.toLowerCase() || labelOf(address) })),
      ),
      ports: ports?.length ? ports.map(portOf) : NO_PORTS,
    };
  }

  protected override inserted(row: SliceRow): void {
    add(this.#ofService, `${row.namespace}/${row.service}`, row);
    for (const { address } of row.endpoints) add(this.#byAddress, address, row);
  }

  protected override deleted(row: SliceRow): void {
    take(this.#ofService, `${row.namespace}/${row.service}`, row);
    for (const { address } of row.endpoints) take(this.#byAddress, address, row);
  }
}

/** `10.244.1.5` → `10-244-1-5`; `fd00::` → `fd00--0`, since no label may end in a dash. */
function labelOf(address: string): string {
  const label = address.replaceAll(/[.:]/g, '-').toLowerCase();
  return label.endsWith('-') ? `${label}0` : label;
}

function add(index: Map<string, Set<SliceRow>>, key: string, row: SliceRow): void {
  const found = index.get(key);
  if (found) found.add(row);
  else index.set(key, new Set([row]));
}

function take(index: Map<string, Set<SliceRow>>, key: string, row: SliceRow): void {
  const found = index.get(key);
  found?.delete(row);
  if (found?.size === 0) index.delete(key);
}
