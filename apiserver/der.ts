// Writing DER (X.690), as much of it as an X.509 certificate needs: every value is its tag, its length and its contents.

/** Identifier octets, universal class. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(body.length)]), body]);
}

/** Short form below 128; else the number of octets that follow, and the length in them. */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) octets.unshift(rest & 0xff);
  return [0x80 | octets.length, ...octets];
}

export const sequence = (...items: readonly Buffer[]): Buffer => tagged(TAG.sequence, ...items);
export const set = (...items: readonly Buffer[]): Buffer => tagged(TAG.set, ...items);
export const octetString = (contents: Buffer): Buffer => tagged(TAG.octetString, contents);
export const utf8String = (text: string): Buffer => tagged(TAG.utf8String, Buffer.from(text));
export const yes = (): Buffer => tagged(TAG.boolean, Buffer.from([0xff]));

/** `[number]` around whole values (EXPLICIT), or instead of a constructed value's own tag (IMPLICIT). */
export const context = (number: number, ...items: readonly Buffer[]): Buffer => tagged(0xa0 | number, ...items);
/** `[number]` instead of a primitive value's own tag (IMPLICIT). */
export const contextPrimitive = (number: number, contents: Buffer): Buffer => tagged(0x80 | number, contents);

/** Not negative; most significant octet first. */
export function integer(octets: Buffer): Buffer {
  return tagged(TAG.integer, octets[0] & 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets);
}

/** `unused`: how many of the last octet's low bits do not count. */
export function bitString(octets: Buffer, unused = 0): Buffer {
  return tagged(TAG.bitString, Buffer.from([unused]), octets);
}

/** `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...arcs] = dotted.split('.').map(Number);
  return tagged(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...arcs.flatMap(base128)]));
}

/** Seven bits an octet, all but the last marked by the eighth. */
function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}

/** Whole seconds; two digits of the year until 2049, as RFC 5280 4.1.2.5 asks. */
export function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`;
  return date.getUTCFullYear() < 2050
    ? tagged(TAG.utcTime, Buffer.from(text.slice(2)))
    : tagged(TAG.generalizedTime, Buffer.from(text));
}
