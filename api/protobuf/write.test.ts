import { expect, it } from 'vitest';
import { encodeMessage, type Message } from './write.ts';

const inner: Message = { fields: { a: { number: 1, type: 'string' } } };

// The bytes are those of protobuf.dev/programming-guides/encoding, by hand.
it.each<[string, Message, unknown, number[]]>([
  ['a string', inner, { a: 'hi' }, [0x0a, 2, 0x68, 0x69]],
  ['a string of more bytes than characters', inner, { a: 'é' }, [0x0a, 2, 0xc3, 0xa9]],
  ['a bool in a field above 15', { fields: { b: { number: 16, type: 'bool' } } }, { b: true }, [0x80, 0x01, 1]],
  ['a message', { fields: { m: { number: 2, type: inner } } }, { m: { a: 'x' } }, [0x12, 3, 0x0a, 1, 0x78]],
  [
    'an array',
    { fields: { l: { number: 1, type: 'string', repeated: true } } },
    { l: ['x', ''] },
    [10, 1, 0x78, 10, 0],
  ],
  [
    'a map',
    { fields: { m: { number: 1, type: 'string', map: true } } },
    { m: { k: 'v' } },
    [0x0a, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76],
  ],
  ['what no table names', inner, { z: 1 }, []],
])('%s', (_name, message, value, bytes) => {
  expect([...encodeMessage(message, value)]).toEqual(bytes);
});

it('writes lengths above 127 in several bytes', () => {
  expect([...encodeMessage(inner, { a: 'x'.repeat(300) }).subarray(0, 3)]).toEqual([0x0a, 0xac, 0x02]);
});
