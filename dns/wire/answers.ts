// Reading what another server answered, as far as an alias needs it: addresses, and aliases on the way to them.
import { FLAG, HEADER_BYTES, MAX_LABEL_BYTES, MAX_NAME_BYTES, RCODE, TYPE } from './constants.ts';
import type { Name } from './name.ts';
import type { ResourceRecord } from './record.ts';

const { A, AAAA, CNAME } = TYPE;

/** The A, AAAA and CNAME records of the answer; none when `reply` is malformed or a no. */
export function readAnswers(reply: Buffer): ResourceRecord[] {
  try {
    return new Reader(reply).answers();
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** Reads from front to back. Throws RangeError on whatever is malformed. */
class Reader {
  readonly #reply: Buffer;
  #at = HEADER_BYTES;

  constructor(reply: Buffer) {
    this.#reply = reply;
  }

  answers(): ResourceRecord[] {
    const flags = this.#reply.readUInt16BE(2);
    if (!(flags & FLAG.QR) || (flags & 15) !== RCODE.NOERROR) return [];
    const [questions, answers] = [this.#reply.readUInt16BE(4), this.#reply.readUInt16BE(6)];
    for (let i = 0; i < questions; i++) {
      this.#name();
      this.#at += 4;
    }
    const records: ResourceRecord[] = [];
    for (let i = 0; i < answers; i++) {
      const record = this.#record();
      if (record) records.push(record);
    }
    return records;
  }

  #record(): ResourceRecord | undefined {
    const owner = this.#name();
    const type = this.#reply.readUInt16BE(this.#at);
    const ttl = this.#reply.readUInt32BE(this.#at + 4);
    const length = this.#reply.readUInt16BE(this.#at + 8);
    this.#at += 10;
    const end = this.#at + length;
    if (end > this.#reply.length) throw new RangeError('a record is cut short');
    const record = this.#known({ type, owner, ttl, length });
    this.#at = end;
    return record;
  }

  #known({ type, owner, ttl, length }: { type: number; owner: Name; ttl: number; length: number }) {
    const data = this.#reply.subarray(this.#at, this.#at + length);
    if (type === A && length === 4) return { type: A, owner, ttl, address: [...data].join('.') };
    if (type === AAAA && length === 16) {
      return { type: AAAA, owner, ttl, address: data.toString('hex').replace(/(.{4})(?=.)/g, '$1:') };
    }
    return type === CNAME ? { type: CNAME, owner, ttl, target: this.#name() } : undefined;
  }

  /** Pointers lead back only, so that every name ends. */
  #name(): Name {
    let name = '';
    let at = this.#at;
    let end = -1;
    for (let length = this.#byte(at); length !== 0; length = this.#byte(at)) {
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.#byte(at + 1);
        if (target >= at) throw new RangeError('a pointer leads forward');
        if (end < 0) end = at + 2;
        at = target;
        continue;
      }
      if (length > MAX_LABEL_BYTES || name.length + length >= MAX_NAME_BYTES)
        throw new RangeError('a name is too long');
      name += this.#reply.toString('latin1', at, at + 1 + length);
      at += 1 + length;
    }
    this.#at = end < 0 ? at + 1 : end;
    return name.toLowerCase();
  }

  #byte(at: number): number {
    return this.#reply.readUInt8(at);
  }
}
