// Reading the protobuf wire format (protobuf.dev/programming-guides/encoding): tagged fields, one after the other.

export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

/** A field as the wire tells it: a varint as bigint, a fixed64 as number, everything else as bytes. */
export type Value = bigint | number | Buffer;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Every field of a message, in order; a repeated field comes once per element. Throws ProtobufError on torn input. */
export function* fields(message: Buffer): Generator<[number: number, value: Value]> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new ProtobufError('unexpected EOF');
      if (shift > 63n) throw new ProtobufError('integer overflow');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    if (length > message.length - at) throw new ProtobufError('unexpected EOF');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case VARINT:
        yield [number, varint()];
        break;
      case FIXED64:
        yield [number, bytes(8).readDoubleLE()];
        break;
      case LENGTH:
        yield [number, bytes(Number(varint()))];
        break;
      case FIXED32:
        yield [number, bytes(4).readFloatLE()];
        break;
      default:
        throw new ProtobufError(`illegal wireType ${tag & 7}`);
    }
  }
}

/** Throws unless the value is length-delimited. */
export function bytesOf(value: Value): Buffer {
  if (!Buffer.isBuffer(value)) throw new ProtobufError('wrong wireType');
  return value;
}
