// What the proxy asks of addresses, over the arithmetic of api/ip.ts.
import { contains, familyOf, formatAddress, formatBlock, parseAddress, parseBlock } from '../api/ip.ts';
import type { IPFamily } from './plan.ts';

/** The host's own CIDR: `10.96.0.1` → `10.96.0.1/32`. */
export function hostCIDR(ip: string): string {
  return `${ip}/${familyOf(ip) === 'IPv6' ? 128 : 32}`;
}

/** `203.0.113.9/24` → `203.0.113.0/24`, in the kernel's spelling; undefined when it is no CIDR. */
export function canonicalCIDR(text: string): string | undefined {
  const block = parseBlock(text.trim());
  return block && formatBlock(block);
}

/** Whether `ip` lies in any of `cidrs`; those of the other family hold nothing. */
export function liesIn(ip: string, cidrs: readonly string[]): boolean {
  const address = parseAddress(ip);
  return (
    address !== undefined && cidrs.map(parseBlock).some((block) => block !== undefined && contains(block, address))
  );
}

/** In the kernel's spelling (`FD00::0:1` → `fd00::1`); undefined when it is no address of the family. */
export function canonicalIP(text: unknown, family: IPFamily): string | undefined {
  const address = typeof text === 'string' ? parseAddress(text) : undefined;
  if (address?.family !== family) return undefined;
  return family === 'IPv4' ? (text as string) : formatAddress(address); // IPv4 has only one spelling that can be read
}
