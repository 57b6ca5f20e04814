import { describe, expect, it } from 'vitest';
import { RCODE, TYPE } from './constants.ts';
import { nameOf, textOf, zoneStart } from './name.ts';
import { parseQuery } from './query.ts';

const HEADER = '1234 0100 0001 0000 0000 0000';
const QUESTION = '03776562 0473686f70 00 0001 0001';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('a query', () => {
  it('is read whole', () => {
    const query = parseQuery(bytes(`1234 0110 0001 0000 0000 0001 03774542 00 001c 0001 00 0029 04d0 0000 8000 0000`))!;
    expect(query).toMatchObject({ id: 0x1234, flags: 0x0110, type: TYPE.AAAA, class: 1, questionEnd: 21 });
    expect(query.name).toBe(nameOf('web'));
    expect(query.edns).toEqual({ size: 1232, version: 0, dnssecOK: true });
    expect(query.refusal).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['eleven bytes', '1234 0100 0001 0000 0000 00'],
    ['an answer', `1234 8180 0001 0000 0000 0000 ${QUESTION}`],
  ])('that is %s is not answered', (_, hex) => {
    expect(parseQuery(bytes(hex))).toBeUndefined();
  });

  it.each([
    ['a header alone', HEADER, RCODE.FORMERR],
    ['two questions', `1234 0100 0002 0000 0000 0000 ${QUESTION} ${QUESTION}`, RCODE.FORMERR],
    ['a pointer for a name', `${HEADER} c00c 0001 0001`, RCODE.FORMERR],
    ['a label of 64 bytes', `${HEADER} 40${'61'.repeat(64)} 00 0001 0001`, RCODE.FORMERR],
    ['a name that never ends', `${HEADER} 0377`, RCODE.FORMERR],
    [
      'a name of 256 bytes',
      `${HEADER} ${`3f${'61'.repeat(63)}`.repeat(3)} 3e${'61'.repeat(62)} 00 0001 0001`,
      RCODE.FORMERR,
    ],
    ['no type', `${HEADER} 03776562 00 00`, RCODE.FORMERR],
    [
      'two OPT records',
      `1234 0100 0001 0000 0000 0002 ${QUESTION} ${'00 0029 04d0 00000000 0000'.repeat(2)}`,
      RCODE.FORMERR,
    ],
    ['half an OPT record', `1234 0100 0001 0000 0000 0001 ${QUESTION} 00 0029 04d0`, RCODE.FORMERR],
    [
      'an OPT record longer than the rest',
      `1234 0100 0001 0000 0000 0001 ${QUESTION} 00 0029 04d0 00000000 0009`,
      RCODE.FORMERR,
    ],
    ['an update', `1234 2800 0001 0000 0000 0000 ${QUESTION}`, RCODE.NOTIMP],
    ['EDNS of version 1', `1234 0100 0001 0000 0000 0001 ${QUESTION} 00 0029 04d0 00010000 0000`, RCODE.BADVERS],
    ['class CH', `${HEADER} 03776562 00 0010 0003`, RCODE.REFUSED],
  ])('with %s is refused', (_, hex, rcode) => {
    expect(parseQuery(bytes(hex))).toMatchObject({ id: 0x1234, refusal: rcode });
  });

  it('with a name of 255 bytes is a query', () => {
    const name = `${`3f${'61'.repeat(63)}`.repeat(3)} 3d${'61'.repeat(61)} 00`;
    expect(parseQuery(bytes(`${HEADER} ${name} 0001 0001`))).toMatchObject({ questionEnd: 12 + 255 + 4 });
  });
});

describe('names', () => {
  it.each([['web..shop'], ['a'.repeat(64)], [`${'a'.repeat(63)}.`.repeat(4)], ['we b']])('%j is none', (text) => {
    expect(nameOf(text)).toBeUndefined();
  });

  it('say where their zone begins, label by label', () => {
    const zone = nameOf('cluster.local')!;
    expect(zoneStart(nameOf('web.cluster.local')!, zone)).toBe(4);
    expect(zoneStart(zone, zone)).toBe(0);
    expect(zoneStart(nameOf('xcluster.local')!, zone)).toBe(-1);
    expect(zoneStart(`\x0fa${zone}`, zone)).toBe(-1); // one label that holds the zone's very bytes
  });

  it('are shown with their odd bytes escaped', () => {
    expect(textOf(nameOf('Web.shop.')!)).toBe('web.shop.');
    expect(textOf('\x05a.b\x00\xff')).toBe('a\\.b\\000\\255.');
  });
});
