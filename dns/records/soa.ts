// The SOA record of a zone: asked for as such, and in every answer that says no.
import { TYPE } from '../wire/constants.ts';
import { join, type Name } from '../wire/name.ts';
import type { StartRecord } from '../wire/record.ts';

/** `serial`: 32 bits that grow with every change; `ttl` is also how long a no may be kept, seconds. */
export function startOf(zone: Name, { serial, ttl }: { serial: number; ttl: number }): StartRecord {
  return {
    type: TYPE.SOA,
    owner: zone,
    ttl,
    primary: join(['ns', 'dns'], zone),
    mailbox: join(['hostmaster'], zone),
    serial,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  };
}
