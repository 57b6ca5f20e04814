// Writing the protobuf wire format by a table of messages, for documents that are JSON everywhere else.

/** How a field of a message is written from the JSON value under its name. */
export interface FieldShape {
  readonly number: number;
  readonly type: 'string' | 'bool' | Message;
  /** The JSON value is an array, each element a field of its own. */
  readonly repeated?: boolean;
  /** The JSON value is an object, written as repeated messages {1: key, 2: value}. */
  readonly map?: boolean;
}

export interface Message {
  /** JSON name → field. What is not named is left out. */
  readonly fields: Readonly<Record<string, FieldShape>>;
  /** A map for the JSON names that begin with `x-`. */
  readonly extensions?: FieldShape;
  /** Makes of the JSON value the object that `fields` reads. */
  readonly from?: (value: unknown) => Record<string, unknown>;
}

const VARINT = 0;
const LENGTH = 2;

/** `value` as the bytes of a `message`. */
export function encodeMessage(message: Message, value: unknown): Buffer {
  const object = message.from ? message.from(value) : (value as Record<string, unknown>);
  const parts: Buffer[] = [];
  for (const [name, field] of Object.entries(message.fields)) {
    if (object[name] !== undefined) writeField(parts, field, object[name]);
  }
  if (message.extensions) {
    const extensions = Object.entries(object).filter(([name]) => name.startsWith('x-'));
    writeField(parts, message.extensions, Object.fromEntries(extensions));
  }
  return Buffer.concat(parts);
}

function writeField(parts: Buffer[], field: FieldShape, value: unknown): void {
  const { number, type, repeated, map } = field;
  if (map) {
    const entry: Message = { fields: { key: { number: 1, type: 'string' }, value: { number: 2, type } } };
    for (const [key, one] of Object.entries(value as object)) {
      writeBytes(parts, number, encodeMessage(entry, { key, value: one }));
    }
    return;
  }
  for (const one of repeated ? (value as unknown[]) : [value]) {
    if (type === 'bool') parts.push(varint((number << 3) | VARINT), varint(one ? 1 : 0));
    else writeBytes(parts, number, type === 'string' ? Buffer.from(String(one)) : encodeMessage(type, one));
  }
}

function writeBytes(parts: Buffer[], number: number, bytes: Buffer): void {
  parts.push(varint((number << 3) | LENGTH), varint(bytes.length), bytes);
}

/** `value`: not negative, below 2^31. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
