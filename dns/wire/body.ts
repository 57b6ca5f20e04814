// Writing the sections after the question. Names of the question are pointed to and not repeated, so that a body is the same
// bytes however the client spelt the name: it can be kept and sent again.
import { isIPv4 } from 'node:net';
import { parseAddress } from '../../api/ip.ts';
import { CLASS_IN, HEADER_BYTES, MAX_MESSAGE_BYTES, type Rcode, TYPE } from './constants.ts';
import { type Name, zoneStart } from './name.ts';
import type { ResourceRecord } from './record.ts';

export interface Sections {
  readonly answer?: readonly ResourceRecord[];
  readonly authority?: readonly ResourceRecord[];
  readonly additional?: readonly ResourceRecord[];
}

/** All of a reply that does not depend on the client: its sections, and what its header says of them. */
export interface Body {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly recursionAvailable?: boolean;
  readonly answers: number;
  readonly authorities: number;
  readonly additionals: number;
  /** Where each record ends in `bytes`. */
  readonly ends: readonly number[];
  readonly bytes: Buffer;
  /** Bytes of each answer when all are addresses of the name asked for, and more than one: their order means nothing. */
  readonly interchangeable?: number;
  /** Records were left out, since a message takes no more. */
  readonly isCut?: boolean;
}

const NONE: readonly ResourceRecord[] = [];
/** No record of ours is longer: two names, an SOA's numbers, a TXT string. */
const LONGEST_RECORD = 1024;
/** Pointers have 14 bits (RFC 1035 section 4.1.4). */
const POINTER_REACH = 0x3fff;

export function emptyBody(rcode: Rcode, authoritative = false): Body {
  return { rcode, authoritative, answers: 0, authorities: 0, additionals: 0, ends: [], bytes: Buffer.alloc(0) };
}

/** Writes one body after another into the same memory. */
export class BodyEncoder {
  readonly #memory = Buffer.alloc(MAX_MESSAGE_BYTES + LONGEST_RECORD);
  #question: Name = '';
  /** Where names that are not the question's already stand in the message. */
  readonly #places = new Map<Name, number>();
  #start = 0;
  #at = 0;

  encode(question: Name, rcode: Rcode, { answer = NONE, authority = NONE, additional = NONE }: Sections): Body {
    this.#question = question;
    this.#start = HEADER_BYTES + question.length + 1 + 4;
    this.#at = this.#start;
    if (this.#places.size > 0) this.#places.clear();
    const ends: number[] = [];
    const answers = this.#section(answer, ends);
    const authorities = this.#section(authority, ends);
    const additionals = this.#section(additional, ends);
    const end = ends.length > 0 ? ends[ends.length - 1] : 0;
    return {
      rcode,
      authoritative: true,
      answers,
      authorities,
      additionals,
      ends,
      bytes: Buffer.from(this.#memory.subarray(this.#start, this.#start + end)),
      interchangeable: answers > 1 && answers === answer.length ? sizeIfInterchangeable(answer, ends) : undefined,
      isCut: ends.length < answer.length + authority.length + additional.length,
    };
  }

  /** Returns how many records fit. */
  #section(records: readonly ResourceRecord[], ends: number[]): number {
    let written = 0;
    for (const record of records) {
      if (this.#at > MAX_MESSAGE_BYTES - LONGEST_RECORD) break;
      this.#record(record);
      ends.push(this.#at - this.#start);
      written += 1;
    }
    return written;
  }

  #record(record: ResourceRecord): void {
    if (record.owner === undefined) this.#word(0xc000 | HEADER_BYTES);
    else this.#name(record.owner);
    this.#word(record.type);
    this.#word(CLASS_IN);
    this.#double(record.ttl);
    const lengthAt = this.#at;
    this.#at += 2;
    this.#data(record);
    const end = this.#at;
    this.#at = lengthAt;
    this.#word(end - lengthAt - 2);
    this.#at = end;
  }

  #data(record: ResourceRecord): void {
    switch (record.type) {
      case TYPE.A:
      case TYPE.AAAA:
        this.#address(record.address);
        break;
      case TYPE.CNAME:
      case TYPE.PTR:
      case TYPE.NS:
        this.#name(record.target);
        break;
      case TYPE.SRV:
        for (const number of [record.priority, record.weight, record.port]) this.#word(number);
        this.#wholeName(record.target);
        break;
      case TYPE.TXT:
        this.#memory[this.#at++] = record.text.length;
        this.#characters(record.text, 0, record.text.length);
        break;
      case TYPE.SOA:
        this.#name(record.primary);
        this.#name(record.mailbox);
        for (const number of [record.serial, record.refresh, record.retry, record.expire, record.minimum]) {
          this.#double(number);
        }
    }
  }

  #address(text: string): void {
    if (isIPv4(text)) {
      for (const part of text.split('.')) this.#memory[this.#at++] = Number(part);
      return;
    }
    const { value } = parseAddress(text)!;
    this.#memory.writeBigUInt64BE(value >> 64n, this.#at);
    this.#memory.writeBigUInt64BE(value & 0xffff_ffff_ffff_ffffn, this.#at + 8);
    this.#at += 16;
  }

  #name(name: Name): void {
    for (let at = 0; at < name.length; at += 1 + name.charCodeAt(at)) {
      const place = this.#placeOf(name.slice(at));
      if (place !== undefined) {
        this.#word(0xc000 | place);
        return;
      }
      this.#label(name, at);
    }
    this.#memory[this.#at++] = 0;
  }

  /** SRV targets are never compressed (RFC 2782), but may be pointed to. */
  #wholeName(name: Name): void {
    for (let at = 0; at < name.length; at += 1 + name.charCodeAt(at)) this.#label(name, at);
    this.#memory[this.#at++] = 0;
  }

  #placeOf(rest: Name): number | undefined {
    const inQuestion = zoneStart(this.#question, rest);
    return inQuestion >= 0 ? HEADER_BYTES + inQuestion : this.#places.get(rest);
  }

  /** The label of `name` at `at`, and from there on the place of the whole rest. */
  #label(name: Name, at: number): void {
    const rest = name.slice(at);
    if (this.#at <= POINTER_REACH && !this.#places.has(rest)) this.#places.set(rest, this.#at);
    this.#characters(name, at, at + 1 + name.charCodeAt(at));
  }

  #characters(text: string, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#memory[this.#at++] = text.charCodeAt(i);
  }

  #word(value: number): void {
    this.#memory[this.#at++] = value >> 8;
    this.#memory[this.#at++] = value & 255;
  }

  #double(value: number): void {
    this.#word(value >>> 16);
    this.#word(value & 0xffff);
  }
}

function sizeIfInterchangeable(answer: readonly ResourceRecord[], ends: readonly number[]): number | undefined {
  const [{ type }] = answer;
  const isAddress = type === TYPE.A || type === TYPE.AAAA;
  return isAddress && answer.every((one) => one.owner === undefined && one.type === type) ? ends[0] : undefined;
}
