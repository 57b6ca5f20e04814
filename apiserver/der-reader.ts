// Reading DER (X.690): a value is its tag, its length and its contents, which are values again where the tag says so.

export interface DerValue {
  readonly tag: number;
  readonly contents: Buffer;
  /** The whole value, tag and length included. */
  readonly raw: Buffer;
}

/** The value that `bytes` begin with. Throws Error when they are cut short. */
export function readDer(bytes: Buffer): DerValue {
  const { start, length } = lengthOf(bytes);
  if (start + length > bytes.length) throw new Error('asn1: syntax error: data truncated');
  return { tag: bytes[0], contents: bytes.subarray(start, start + length), raw: bytes.subarray(0, start + length) };
}

/** The values inside one. */
export function children({ contents }: DerValue): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < contents.length; ) {
    const value = readDer(contents.subarray(at));
    values.push(value);
    at += value.raw.length;
  }
  return values;
}

/** Where the contents start, and how many octets they have. */
function lengthOf(bytes: Buffer): { start: number; length: number } {
  if (bytes.length < 2) throw new Error('asn1: syntax error: data truncated');
  if (bytes[1] < 0x80) return { start: 2, length: bytes[1] };
  const octets = bytes[1] & 0x7f;
  if (octets === 0 || octets > 4 || bytes.length < 2 + octets)
    throw new Error('asn1: structure error: length too large');
  return { start: 2 + octets, length: bytes.readUIntBE(2, octets) };
}
