import { describe, expect, it } from 'vitest';
import {
  contains,
  containsBlock,
  formatAddress,
  formatBlock,
  indexIn,
  isSpecial,
  nthAddress,
  parseAddress,
  parseBlock,
  sizeOf,
} from './ip.ts';

describe('an address', () => {
  it.each([
    ['10.96.0.1', '10.96.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['fd00:0:0:1:0:0:0:1', 'fd00:0:0:1::1'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
  ])('%s is printed %s', (text, printed) => {
    expect(formatAddress(parseAddress(text)!)).toBe(printed);
  });

  it.each([
    '',
    '10.96.0',
    '10.96.0.256',
    '10.96.0.01',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    'localhost',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('knows ranges with a meaning of their own', () => {
    expect(isSpecial(parseAddress('127.9.9.9')!, 'loopback')).toBe(true);
    expect(isSpecial(parseAddress('fe80::1')!, 'linkLocal')).toBe(true);
    expect(isSpecial(parseAddress('10.0.0.1')!, 'loopback')).toBe(false);
  });
});

describe('a block', () => {
  const services = parseBlock('10.96.0.0/16')!;

  it('clears host bits', () => {
    expect(formatBlock(parseBlock('10.96.3.4/16')!)).toBe('10.96.0.0/16');
    expect(formatBlock(parseBlock('2001:db8::1/64')!)).toBe('2001:db8::/64');
  });

  it.each(['10.96.0.0', '10.96.0.0/33', '10.96.0.0/', '10.96.0.0/01', 'x/8', '::/129'])('refuses %j', (text) => {
    expect(parseBlock(text)).toBeUndefined();
  });

  it('counts its addresses', () => {
    expect(sizeOf(services)).toBe(65536n);
    expect(formatAddress(nthAddress(services, 10))).toBe('10.96.0.10');
    expect(indexIn(services, parseAddress('10.96.1.0')!)).toBe(256n);
    expect(indexIn(services, parseAddress('10.97.0.0')!)).toBeUndefined();
    expect(() => nthAddress(services, 65536)).toThrow(RangeError);
  });

  it('contains what lies in it, of its own family only', () => {
    expect(contains(services, parseAddress('10.96.255.255')!)).toBe(true);
    expect(contains(parseBlock('::/0')!, parseAddress('10.96.0.1')!)).toBe(false);
    expect(containsBlock(services, parseBlock('10.96.8.0/24')!)).toBe(true);
    expect(containsBlock(parseBlock('10.96.8.0/24')!, services)).toBe(false);
  });
});
