// SRV records: a Service's ports, each with the name of who serves it.
import type { Host } from '../hosts.ts';
import { found, MISSING, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';
import type { AddressRecord, ServerRecord } from '../wire/record.ts';

/** Weights share out 100, at least 1 each, counted before what is the same by name and port becomes one record: as upstream does. */
export function servers(hosts: readonly Host[] | undefined, ttl: number): Resolution {
  if (hosts === undefined) return MISSING;
  const here = hosts.filter(({ family }) => family !== 0); // of what is elsewhere, upstream tells no ports
  const weight = Math.max(1, Math.floor(100 / here.length));
  const answer = new Map<string, ServerRecord>();
  const additional = new Map<string, AddressRecord>();
  for (const { name, family, address, port } of here) {
    if (port < 0) continue;
    const server = `${port} ${name}`;
    if (!answer.has(server)) answer.set(server, { type: TYPE.SRV, ttl, priority: 0, weight, port, target: name });
    const type = family === 4 ? TYPE.A : TYPE.AAAA;
    additional.set(`${address} ${name}`, { type, owner: name, ttl, address });
  }
  return found([...answer.values()], [...additional.values()]);
}
