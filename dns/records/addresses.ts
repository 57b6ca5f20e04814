// A and AAAA records, and the aliases that lead to them.
import type { Host } from '../hosts.ts';
import { EMPTY, found, MISSING, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';
import type { Name } from '../wire/name.ts';
import type { AddressRecord, ResourceRecord } from '../wire/record.ts';

export type AddressType = typeof TYPE.A | typeof TYPE.AAAA;

export const familyOf = (type: AddressType): 4 | 6 => (type === TYPE.A ? 4 : 6);

/** Aliases that one answer may pass through; upstream's limit. */
const LONGEST_CHAIN = 10;

export interface AddressesOptions {
  readonly ttl: number;
  /** The hosts under a name of the cluster's zone, undefined when there is no such name; 'outside': no name of that zone. */
  hostsUnder(name: Name): readonly Host[] | undefined | 'outside';
}

/**
 * Addresses of one family under `name`. An alias inside the cluster counts for nothing when it leads to nothing; one that leads
 * outside is the answer's last record, to be followed by whoever can.
 */
export function addresses(name: Name, type: AddressType, options: AddressesOptions): Resolution {
  const hosts = options.hostsUnder(name);
  if (hosts === undefined || hosts === 'outside') return MISSING;
  const plain = addressRecords(hosts, type, { ttl: options.ttl });
  const alias = hosts.find(({ family }) => family === 0)?.alias;
  return alias === undefined ? found(plain) : followAlias({ name, alias }, type, options, plain);
}

function followAlias(
  start: { name: Name; alias: Name },
  type: AddressType,
  { ttl, hostsUnder }: AddressesOptions,
  before: readonly ResourceRecord[],
): Resolution {
  const chain: ResourceRecord[] = [...before];
  const passed = new Set<Name>([start.name]);
  let owner: Name | undefined; // the first alias belongs to the name asked for
  let target = start.alias;
  while (!passed.has(target) && passed.size <= LONGEST_CHAIN) {
    chain.push({ type: TYPE.CNAME, owner, ttl, target });
    passed.add(target);
    const hosts = hostsUnder(target);
    if (hosts === 'outside') return { outcome: 'found', answer: chain, follow: target };
    const alias = hosts?.find(({ family }) => family === 0)?.alias;
    const reached = addressRecords(hosts ?? [], type, { ttl, owner: target });
    if (alias === undefined) return reached.length > 0 ? found([...chain, ...reached]) : found(before);
    owner = target;
    target = alias;
  }
  return before.length > 0 ? found(before) : EMPTY;
}

/** One record per address, however many ports it has. */
export function addressRecords(
  hosts: readonly Host[],
  type: AddressType,
  { ttl, owner }: { ttl: number; owner?: Name },
): AddressRecord[] {
  const seen = new Set<string>();
  const records: AddressRecord[] = [];
  for (const { family, address } of hosts) {
    if (family !== familyOf(type) || seen.has(address)) continue;
    seen.add(address);
    records.push({ type, owner, ttl, address });
  }
  return records;
}
