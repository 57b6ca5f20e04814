// A snapshot: everything a store holds now, in one file that proves itself whole. What came before, its history, is left out.
// Layout: MAGIC, then format, revision and number of entries, then per entry the length of its key, that of its record, and both
// (record.ts). Every part carries a checksum, and the number of parts is known.
import { open, readFile, rename, rm } from 'node:fs/promises';
import {
  ChecksumError,
  currentKey,
  decodeEntry,
  decodeNumbers,
  encodeEntry,
  encodeNumbers,
  numbersLength,
} from './record.ts';
import type { Entry, Store } from './store.ts';

export interface Snapshot {
  readonly revision: number;
  readonly entries: readonly Entry[];
}

/** The file is no snapshot, or not as it was written. */
export class SnapshotError extends Error {
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
    this.name = 'SnapshotError';
  }
}

const MAGIC = Buffer.from('vitrine snapshot\n');
const FORMAT = 1;
const HEAD_BYTES = numbersLength(3);
const LENGTHS_BYTES = 8;

/** Written beside `path`, synced and renamed over it. Throws the file system's error. */
export async function saveSnapshot(path: string, store: Pick<Store, 'list'>): Promise<Snapshot> {
  const { entries, revision } = await store.list('');
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o600); // Secrets are in there
  try {
    await file.appendFile(Buffer.concat([MAGIC, encodeNumbers(MAGIC, [FORMAT, revision, entries.length])]));
    for (const entry of entries) await file.appendFile(encode(entry));
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  return { revision, entries };
}

function encode(entry: Entry): Buffer {
  const key = currentKey(entry.key);
  const record = encodeEntry(key, entry);
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  lengths.writeUInt32BE(key.length);
  lengths.writeUInt32BE(record.length, 4);
  return Buffer.concat([lengths, key, record]);
}

/** Throws SnapshotError, or the file system's error. */
export async function readSnapshot(path: string): Promise<Snapshot> {
  const bytes = await readFile(path);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new SnapshotError(path, 'is no snapshot');
  try {
    return decode(path, bytes);
  } catch (error) {
    if (error instanceof ChecksumError || error instanceof RangeError)
      throw new SnapshotError(path, `is damaged: ${error.message}`);
    throw error;
  }
}

function decode(path: string, bytes: Buffer): Snapshot {
  let at = MAGIC.length;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new SnapshotError(path, 'is damaged: it ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const [format, revision, count] = decodeNumbers(MAGIC, take(HEAD_BYTES), 3);
  if (format !== FORMAT) throw new SnapshotError(path, `has format ${format}, which this version does not know`);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i += 1) {
    const lengths = take(LENGTHS_BYTES);
    const key = take(lengths.readUInt32BE());
    entries.push(decodeEntry(key, take(lengths.readUInt32BE(4))));
  }
  if (at < bytes.length) throw new SnapshotError(path, 'is damaged: something follows its end');
  return { revision, entries };
}
