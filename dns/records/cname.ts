// CNAME records, asked for as such: where an ExternalName leads.
import type { Host } from '../hosts.ts';
import { found, MISSING, type Resolution } from '../resolution.ts';
import { TYPE } from '../wire/constants.ts';

export function alias(hosts: readonly Host[] | undefined, ttl: number): Resolution {
  if (hosts === undefined) return MISSING;
  const [first] = hosts;
  return first?.family === 0 ? found([{ type: TYPE.CNAME, ttl, target: first.alias }]) : found([]);
}
