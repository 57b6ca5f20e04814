// IP addresses and blocks as numbers: parse, print (RFC 5952), contain, count. Addresses are bigints, so that both families go
// through the same arithmetic.

export type Family = 'IPv4' | 'IPv6';

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

export interface Block {
  readonly family: Family;
  /** The first address, host bits cleared. */
  readonly base: bigint;
  /** Bits of the network part. */
  readonly prefix: number;
}

/** `10.96.0.10:53`, `[fd00:10:96::10]:53`; a name stands as it is. */
export const hostPort = (host: string, port: number | string): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

const widthOf = (family: Family): number => (family === 'IPv4' ? 32 : 128);

/** Undefined when `text` is no address. Leading zeros in IPv4, and zones, are none. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: text.includes(':') ? 'IPv6' : 'IPv4', value };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]);
  const tail = halves.length === 2 ? groupsOf(halves[1]) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail].reduce(
    (value, group) => (value << 16n) | BigInt(group),
    0n,
  );
}

/** The 16-bit groups of one side of `::`; the last may be written as an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.') && i === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** The canonical text: `10.0.0.1`, `2001:db8::1`. */
export function formatAddress({ family, value }: Address): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === 0) length += 1;
    if (length > best.length) best = { start: i, length };
  }
  return best;
}

/** `10.96.0.0/16`; host bits are cleared. Undefined when `text` is no block. */
export function parseBlock(text: string): Block | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (!address || !/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > widthOf(address.family)) return undefined;
  const host = BigInt(widthOf(address.family) - Number(bits));
  return { family: address.family, base: (address.value >> host) << host, prefix: Number(bits) };
}

export function formatBlock(block: Block): string {
  return `${formatAddress({ family: block.family, value: block.base })}/${block.prefix}`;
}

/** How many addresses the block has. */
export function sizeOf(block: Block): bigint {
  return 1n << BigInt(widthOf(block.family) - block.prefix);
}

/** The address `index` places after the block's first; throws RangeError outside the block. */
export function nthAddress(block: Block, index: bigint | number): Address {
  const offset = BigInt(index);
  if (offset < 0n || offset >= sizeOf(block)) throw new RangeError(`${formatBlock(block)} has no address ${offset}`);
  return { family: block.family, value: block.base + offset };
}

/** The place of `address` in the block, undefined when it is not in it. */
export function indexIn(block: Block, address: Address): bigint | undefined {
  if (block.family !== address.family) return undefined;
  const offset = address.value - block.base;
  return offset >= 0n && offset < sizeOf(block) ? offset : undefined;
}

export function contains(block: Block, address: Address): boolean {
  return indexIn(block, address) !== undefined;
}

/** Whether every address of `inner` is in `outer`. */
export function containsBlock(outer: Block, inner: Block): boolean {
  return inner.prefix >= outer.prefix && contains(outer, { family: inner.family, value: inner.base });
}

const SPECIAL = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linkLocal: ['169.254.0.0/16', 'fe80::/10'],
  linkLocalMulticast: ['224.0.0.0/24', 'ff02::/16'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  unspecified: ['0.0.0.0/32', '::/128'],
} as const;

/** Whether `address` is of a range with a meaning of its own. */
export function isSpecial(address: Address, range: keyof typeof SPECIAL): boolean {
  return SPECIAL[range].some((text) => contains(parseBlock(text)!, address));
}

/** The family of an address's text, undefined when it is none. */
export function familyOf(text: string): Family | undefined {
  return parseAddress(text)?.family;
}
