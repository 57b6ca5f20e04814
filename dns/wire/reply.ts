// A reply: a body for one client. The question goes back byte for byte; what the client does not take is left out (TC).
import { type Body, emptyBody } from './body.ts';
import { FLAG, MAX_MESSAGE_BYTES, OPCODE_MASK, OPT_BYTES, PLAIN_UDP_BYTES, RCODE, TYPE } from './constants.ts';
import type { Query } from './query.ts';

export type Transport = 'udp' | 'tcp';

/** Who asks, as far as replies and numbers depend on it. */
export interface Client {
  readonly transport: Transport;
  readonly family: 4 | 6;
}

/** Longer datagrams than this travel badly, whatever a client says it takes. */
const LONGEST_DATAGRAM = 4096;

/** Bytes that the client takes. */
function limitOf(query: Query, transport: Transport): number {
  if (transport === 'tcp') return MAX_MESSAGE_BYTES;
  return Math.min(LONGEST_DATAGRAM, Math.max(PLAIN_UDP_BYTES, query.edns?.size ?? 0));
}

export function writeReply(query: Query, body: Body, transport: Transport): Buffer {
  const { packet, questionEnd, edns } = query;
  const optBytes = edns ? OPT_BYTES : 0;
  const room = limitOf(query, transport) - questionEnd - optBytes;
  const records = body.bytes.length <= room ? body.ends.length : recordsThatFit(body, room);
  const bytes = records > 0 ? body.ends[records - 1] : 0;
  const reply = Buffer.allocUnsafe(questionEnd + bytes + optBytes);
  copy(packet, 0, questionEnd, reply, 0);
  writeHeader(reply, query, body, records);
  copyRecords(reply, body, questionEnd, bytes);
  if (edns) writeOpt(reply, query, body, questionEnd + bytes);
  return reply;
}

/** A reply without records. Without a question too where the query's own could not be read. */
export function writeRefusal(query: Query, transport: Transport): Buffer {
  return writeReply(query, emptyBody(query.refusal ?? RCODE.SERVFAIL), transport);
}

function recordsThatFit({ ends }: Body, room: number): number {
  let records = 0;
  while (records < ends.length && ends[records] <= room) records += 1;
  return records;
}

function writeHeader(reply: Buffer, { flags, edns }: Query, body: Body, records: number): void {
  const { rcode } = body;
  const isCut = body.isCut || records < body.ends.length;
  const answers = Math.min(body.answers, records);
  const authorities = Math.min(body.authorities, records - answers);
  const told = flags & (OPCODE_MASK | FLAG.RD | FLAG.CD);
  const own = (body.authoritative ? FLAG.AA : 0) | (isCut ? FLAG.TC : 0) | (body.recursionAvailable ? FLAG.RA : 0);
  writeWord(reply, 2, FLAG.QR | told | own | (rcode & 15));
  writeWord(reply, 4, rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP ? 0 : 1);
  writeWord(reply, 6, answers);
  writeWord(reply, 8, authorities);
  writeWord(reply, 10, records - answers - authorities + (edns ? 1 : 0));
}

function writeWord(reply: Buffer, at: number, value: number): void {
  reply[at] = value >> 8;
  reply[at + 1] = value & 255;
}

/** Addresses of one name begin with another one each time, so that clients who take the first share the load. */
function copyRecords(reply: Buffer, body: Body, at: number, bytes: number): void {
  const { interchangeable: size, answers } = body;
  if (size === undefined) {
    copy(body.bytes, 0, bytes, reply, at);
    return;
  }
  const all = size * answers;
  const first = size * Math.floor(Math.random() * answers);
  const head = Math.min(all - first, bytes);
  copy(body.bytes, first, first + head, reply, at);
  copy(body.bytes, 0, Math.min(bytes, all) - head, reply, at + head);
  if (bytes > all) copy(body.bytes, all, bytes, reply, at + all);
}

/** For so few bytes, a loop takes a third of the time that Buffer.copy does. */
const FEW = 128;

function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > FEW) from.copy(to, at, start, end);
  else for (let i = start; i < end; i++) to[at + i - start] = from[i];
}

/** RFC 6891 section 6.1.2. */
function writeOpt(reply: Buffer, { edns }: Query, { rcode }: Body, at: number): void {
  reply[at] = 0;
  reply.writeUInt16BE(TYPE.OPT, at + 1);
  reply.writeUInt16BE(LONGEST_DATAGRAM, at + 3);
  reply.writeUInt32BE(((rcode >> 4) << 24) | (edns!.dnssecOK ? 0x8000 : 0), at + 5);
  reply.writeUInt16BE(0, at + 9);
}
