import { describe, expect, it } from 'vitest';
import { readAnswers } from './answers.ts';
import { BodyEncoder, emptyBody } from './body.ts';
import { FLAG, RCODE, TYPE } from './constants.ts';
import { nameOf } from './name.ts';
import { parseQuery, type Query } from './query.ts';
import type { ResourceRecord } from './record.ts';
import { writeReply } from './reply.ts';

const NAME = nameOf('web.shop.svc.cluster.local')!;

/** `size`: of the EDNS buffer; absent: no EDNS. */
function query(name: string, { type = TYPE.A as number, size = 0 } = {}): Query {
  const opt = Buffer.from([0, 0, TYPE.OPT, size >> 8, size & 255, 0, 0, 0, 0, 0, 0]);
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, size ? 1 : 0]);
  const rest = Buffer.from([0, type >> 8, type & 255, 0, 1]);
  return parseQuery(Buffer.concat([head, Buffer.from(name, 'latin1'), rest, ...(size ? [opt] : [])]))!;
}

const counts = (reply: Buffer): number[] => [6, 8, 10].map((at) => reply.readUInt16BE(at));
const hosts = (count: number): ResourceRecord[] =>
  Array.from({ length: count }, (_, i) => ({ type: TYPE.A, ttl: 30, address: `10.244.1.${i + 1}` }));
const addressesIn = (reply: Buffer): string[] =>
  readAnswers(reply).map((record) => (record.type === TYPE.A || record.type === TYPE.AAAA ? record.address : ''));

describe('a reply', () => {
  const encoder = new BodyEncoder();

  it('repeats the question as it was spelt, and points to it', () => {
    const spelt = NAME.replace('web', 'wEB');
    const body = encoder.encode(NAME, RCODE.NOERROR, { answer: hosts(1) });
    const reply = writeReply(query(spelt), body, 'udp');
    expect(reply.toString('latin1', 12, 12 + spelt.length)).toBe(spelt);
    expect(reply.length).toBe(12 + NAME.length + 5 + 16);
    expect(readAnswers(reply)).toEqual([{ type: TYPE.A, owner: NAME, ttl: 30, address: '10.244.1.1' }]);
  });

  it('holds as many records as the client takes, and says when that is not all', () => {
    const body = encoder.encode(NAME, RCODE.NOERROR, { answer: hosts(100) });
    for (const [size, most] of [
      [0, 512],
      [512, 512],
      [1232, 1232],
      [4096, 4096],
    ]) {
      const reply = writeReply(query(NAME, { size }), body, 'udp');
      const isAll = counts(reply)[0] === 100;
      expect(reply.length).toBeLessThanOrEqual(most);
      expect(reply.length > most - 16 || isAll).toBe(true);
      expect((reply.readUInt16BE(2) & FLAG.TC) === 0).toBe(isAll);
    }
    expect(counts(writeReply(query(NAME), body, 'tcp'))).toEqual([100, 0, 0]);
  });

  it('begins with any of the addresses, and loses none', () => {
    const body = encoder.encode(NAME, RCODE.NOERROR, { answer: hosts(3) });
    const seen = new Set<string>();
    while (seen.size < 3) {
      const found = addressesIn(writeReply(query(NAME), body, 'udp'));
      expect([...found].sort()).toEqual(['10.244.1.1', '10.244.1.2', '10.244.1.3']);
      seen.add(found[0]);
    }
  });

  it('leaves out what comes last first', () => {
    const target = nameOf('db-0.db.data.svc.cluster.local')!;
    const port = (i: number): ResourceRecord => ({ type: TYPE.SRV, ttl: 30, priority: 0, weight: 1, port: i, target });
    const additional = hosts(20).map((record) => ({ ...record, owner: target }));
    const answer = Array.from({ length: 8 }, (_, i) => port(i));
    const body = encoder.encode(NAME, RCODE.NOERROR, { answer, additional });
    const reply = writeReply(query(NAME, { type: TYPE.SRV }), body, 'udp');
    expect(counts(reply)[0]).toBe(8);
    expect(counts(reply)[2]).toBeLessThan(20);
    expect(reply.readUInt16BE(2) & FLAG.TC).toBe(FLAG.TC);
  });

  it('fits a message of TCP, however many records there are', () => {
    const target = nameOf(`${'a'.repeat(60)}.${'b'.repeat(60)}.cluster.local`)!;
    const answer = Array.from({ length: 2000 }, (_, port): ResourceRecord => {
      return { type: TYPE.SRV, ttl: 30, priority: 0, weight: 1, port, target };
    });
    const reply = writeReply(query(NAME), encoder.encode(NAME, RCODE.NOERROR, { answer }), 'tcp');
    expect(reply.length).toBeLessThanOrEqual(65_535);
    expect(reply.readUInt16BE(2) & FLAG.TC).toBe(FLAG.TC);
  });

  it('tells an extended code through EDNS', () => {
    const reply = writeReply(query(NAME, { size: 1232 }), emptyBody(RCODE.BADVERS), 'udp');
    expect(reply[3] & 15).toBe(0);
    expect(reply[reply.length - 6]).toBe(1);
  });

  it.each(['2001:db8::1', '::', 'fd00:10:96::30', '::ffff:10.0.0.1'])('holds the address %s', (address) => {
    const body = encoder.encode(NAME, RCODE.NOERROR, { answer: [{ type: TYPE.AAAA, ttl: 5, address }] });
    const [found] = addressesIn(writeReply(query(NAME, { type: TYPE.AAAA }), body, 'udp'));
    expect(new URL(`http://[${found}]`).host).toBe(new URL(`http://[${address}]`).host);
  });
});

describe('the answer of another server', () => {
  it.each([
    ['is cut short', '1234 8180 0001 0001 0000 0000 03776562 00 0001 0001 c00c 0001 0001 0000'],
    ['points forward', '1234 8180 0000 0001 0000 0000 c0ff 0001 0001 00000000 0004 01020304'],
    ['points to itself', '1234 8180 0000 0001 0000 0000 c00c 0001 0001 00000000 0004 01020304'],
    ['is a no', '1234 8183 0001 0000 0000 0000 03776562 00 0001 0001'],
  ])('that %s holds nothing', (_, hex) => {
    expect(readAnswers(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toEqual([]);
  });
});
