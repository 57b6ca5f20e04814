// Reading what a client sent. Nothing in it is trusted: every length is checked before it is used.
import {
  CLASS_IN,
  FLAG,
  HEADER_BYTES,
  MAX_LABEL_BYTES,
  MAX_NAME_BYTES,
  OPCODE_MASK,
  RCODE,
  type Rcode,
  TYPE,
} from './constants.ts';
import type { Name } from './name.ts';

/** RFC 6891. */
export interface Edns {
  /** Bytes of UDP payload the client takes. */
  readonly size: number;
  readonly version: number;
  readonly dnssecOK: boolean;
}

export interface Query {
  /** The message as it came. */
  readonly packet: Buffer;
  readonly id: number;
  /** The header's second word. */
  readonly flags: number;
  /** In lower case; the bytes as they came are `packet[HEADER_BYTES … questionEnd]`. */
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  readonly questionEnd: number;
  readonly edns?: Edns;
  /** Set: answer with nothing but this code. */
  readonly refusal?: Rcode;
}

/**
 * Undefined: not to be answered at all (too short to have a header, or itself an answer). A query with `refusal` FORMERR or
 * NOTIMP has no question. Which counts are refused follows upstream's server (miekg/dns, DefaultMsgAcceptFunc).
 */
export function parseQuery(packet: Buffer): Query | undefined {
  if (packet.length < HEADER_BYTES) return undefined;
  const flags = word(packet, 2);
  if (flags & FLAG.QR) return undefined;
  if (flags & OPCODE_MASK) return refused(packet, flags, RCODE.NOTIMP);
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => word(packet, at));
  if (questions !== 1 || answers > 1 || authorities > 1 || additionals > 2)
    return refused(packet, flags, RCODE.FORMERR);
  const nameEnd = endOfQuestionName(packet);
  if (nameEnd < 0 || nameEnd + 4 > packet.length) return refused(packet, flags, RCODE.FORMERR);
  const rest =
    answers + authorities + additionals > 0 ? readRest(packet, nameEnd + 4, answers + authorities, additionals) : {};
  if (!rest) return refused(packet, flags, RCODE.FORMERR);
  const kind = word(packet, nameEnd + 2);
  return {
    packet,
    id: word(packet, 0),
    flags,
    name: packet.toString('latin1', HEADER_BYTES, nameEnd - 1).toLowerCase(),
    type: word(packet, nameEnd),
    class: kind,
    questionEnd: nameEnd + 4,
    edns: rest.edns,
    refusal: rest.edns && rest.edns.version > 0 ? RCODE.BADVERS : kind === CLASS_IN ? undefined : RCODE.REFUSED,
  };
}

const word = (packet: Buffer, at: number): number => (packet[at] << 8) | packet[at + 1];

function refused(packet: Buffer, flags: number, refusal: Rcode): Query {
  const none = { name: '', type: 0, class: 0, questionEnd: HEADER_BYTES };
  return { packet, id: word(packet, 0), flags, ...none, refusal };
}

/** Where the name ends, its root label included; -1: malformed. Nothing stands before a question that it could point to. */
function endOfQuestionName(packet: Buffer): number {
  let at = HEADER_BYTES;
  while (at < packet.length) {
    const length = packet[at];
    if (length > MAX_LABEL_BYTES) return -1;
    at += 1 + length;
    if (at - HEADER_BYTES > MAX_NAME_BYTES) return -1;
    if (length === 0) return at;
  }
  return -1;
}

/** What follows the question: only an OPT record among the last `additionals` means something. Undefined: malformed. */
function readRest(packet: Buffer, start: number, others: number, additionals: number): { edns?: Edns } | undefined {
  let at = start;
  let edns: Edns | undefined;
  for (let i = 0; i < others + additionals; i++) {
    const fixed = endOfAnyName(packet, at);
    if (fixed < 0 || fixed + 10 > packet.length) return undefined;
    const isOpt = word(packet, fixed) === TYPE.OPT && i >= others;
    if (isOpt && (edns || fixed !== at + 1)) return undefined; // one at most, owned by the root (RFC 6891 section 6.1.1)
    if (isOpt) {
      const dnssecOK = (packet[fixed + 6] & 0x80) !== 0;
      edns = { size: word(packet, fixed + 2), version: packet[fixed + 5], dnssecOK };
    }
    at = fixed + 10 + word(packet, fixed + 8);
    if (at > packet.length) return undefined;
  }
  return { edns };
}

/** Like endOfQuestionName, where the name may end in a pointer; where that leads does not matter to us. */
function endOfAnyName(packet: Buffer, start: number): number {
  for (let at = start; at < packet.length; at += 1 + packet[at]) {
    const length = packet[at];
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > MAX_LABEL_BYTES) return -1;
  }
  return -1;
}
