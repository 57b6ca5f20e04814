// How records look on disk. Every value begins with a CRC-32 over its key and the rest of it, because LevelDB, as it is
// built for Node, checks none of its own when it reads.
import { crc32 } from 'node:zlib';
import type { Undo } from './revisions.ts';
import type { Entry } from './store.ts';

/** Bytes of a revision, of a sum and of a count: enough for 2.8 × 10^14. */
const NUMBER = 6;
const CHECKSUM = 4;
/** Bytes before a stored value: checksum, createRevision, modRevision. */
const ENTRY_HEADER = CHECKSUM + 2 * NUMBER;
/** Sums are kept modulo this. */
export const SUM_LIMIT = 2 ** 48;

/** `c` + key: the current entry of a key. */
export const CURRENT = 'c';
/** `h` + revision + position in its commit: what one change replaced. */
export const HISTORY = 'h';

export class ChecksumError extends Error {
  constructor(key: Buffer) {
    super(`the checksum of record ${JSON.stringify(key.toString('latin1'))} is wrong`);
    this.name = 'ChecksumError';
  }
}

export function currentKey(key: string): Buffer {
  return Buffer.from(CURRENT + key);
}

/** The first record of a revision's history, or one behind. */
export function historyKey(revision: number, position = 0): Buffer {
  const key = Buffer.allocUnsafe(1 + NUMBER + 4);
  key.write(HISTORY, 'latin1');
  key.writeUIntBE(revision, 1, NUMBER);
  key.writeUInt32BE(position, 1 + NUMBER);
  return key;
}

export function encodeEntry(key: Buffer, entry: Entry): Buffer {
  const record = Buffer.allocUnsafe(ENTRY_HEADER + entry.value.length);
  record.writeUIntBE(entry.createRevision, CHECKSUM, NUMBER);
  record.writeUIntBE(entry.modRevision, CHECKSUM + NUMBER, NUMBER);
  entry.value.copy(record, ENTRY_HEADER);
  return seal(key, record);
}

/** Throws ChecksumError. The value shares the record's memory. */
export function decodeEntry(key: Buffer, record: Buffer): Entry {
  open(key, record, ENTRY_HEADER);
  return {
    key: key.toString('utf8', CURRENT.length),
    value: record.subarray(ENTRY_HEADER),
    createRevision: record.readUIntBE(CHECKSUM, NUMBER),
    modRevision: record.readUIntBE(CHECKSUM + NUMBER, NUMBER),
  };
}

/** Bytes before the key of a history record: checksum, type (`p`, `d`), whether something was replaced (`+`, `-`), key length. */
const UNDO_HEADER = CHECKSUM + 2 + 4;

/** After the key: createRevision, modRevision and value of what was replaced, if anything was. */
export function encodeUndo(at: Buffer, { type, key, previous }: Omit<Undo, 'revision'>): Buffer {
  const keyLength = Buffer.byteLength(key);
  const keyEnd = UNDO_HEADER + keyLength;
  const record = Buffer.allocUnsafe(keyEnd + (previous ? 2 * NUMBER + previous.value.length : 0));
  record.write(`${type[0]}${previous ? '+' : '-'}`, CHECKSUM, 'latin1');
  record.writeUInt32BE(keyLength, CHECKSUM + 2);
  record.write(key, UNDO_HEADER);
  if (previous) {
    record.writeUIntBE(previous.createRevision, keyEnd, NUMBER);
    record.writeUIntBE(previous.modRevision, keyEnd + NUMBER, NUMBER);
    previous.value.copy(record, keyEnd + 2 * NUMBER);
  }
  return seal(at, record);
}

/** Throws ChecksumError. */
export function decodeUndo(at: Buffer, record: Buffer): Undo {
  open(at, record, UNDO_HEADER);
  const keyEnd = UNDO_HEADER + record.readUInt32BE(CHECKSUM + 2);
  const key = record.toString('utf8', UNDO_HEADER, keyEnd);
  const [type, replaced] = record.toString('latin1', CHECKSUM, CHECKSUM + 2);
  const previous = {
    key,
    value: record.subarray(keyEnd + 2 * NUMBER),
    createRevision: replaced === '+' ? record.readUIntBE(keyEnd, NUMBER) : 0,
    modRevision: replaced === '+' ? record.readUIntBE(keyEnd + NUMBER, NUMBER) : 0,
  };
  return {
    type: type === 'p' ? 'put' : 'delete',
    revision: at.readUIntBE(1, NUMBER),
    key,
    ...(replaced === '+' && { previous }),
  };
}

/** Bytes of a record of `count` numbers. */
export const numbersLength = (count: number): number => CHECKSUM + count * NUMBER;

/** Numbers, each in six bytes. */
export function encodeNumbers(key: Buffer, numbers: readonly number[]): Buffer {
  const record = Buffer.allocUnsafe(numbersLength(numbers.length));
  for (const [i, number] of numbers.entries()) record.writeUIntBE(number, CHECKSUM + i * NUMBER, NUMBER);
  return seal(key, record);
}

/** Throws ChecksumError, also when there are not `length` numbers. */
export function decodeNumbers(key: Buffer, record: Buffer, length: number): number[] {
  open(key, record, numbersLength(length));
  return Array.from({ length }, (_, i) => record.readUIntBE(CHECKSUM + i * NUMBER, NUMBER));
}

function seal(key: Buffer, record: Buffer): Buffer {
  record.writeUInt32BE(crc32(record.subarray(CHECKSUM), crc32(key)));
  return record;
}

function open(key: Buffer, record: Buffer, least: number): void {
  if (record.length < least || record.readUInt32BE() !== crc32(record.subarray(CHECKSUM), crc32(key)))
    throw new ChecksumError(key);
}
