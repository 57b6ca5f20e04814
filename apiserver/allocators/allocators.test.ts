import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../api/ip.ts';
import { Bitmap } from './bitmap.ts';
import { ClusterIPs } from './cluster-ips.ts';
import { NodePorts, readPortRange } from './node-ports.ts';
import { readServiceRanges, type ServiceRange } from './service-ranges.ts';

describe('Bitmap', () => {
  it('hands out the dynamic band before the static one, each offset once', () => {
    const bitmap = new Bitmap(64, 16);
    const taken = Array.from({ length: 64 }, () => bitmap.takeNext()!);
    expect(new Set(taken).size).toBe(64);
    expect(taken.slice(0, 48).every((offset) => offset >= 16)).toBe(true);
    expect(taken.slice(48).every((offset) => offset < 16)).toBe(true);
    expect(bitmap.takeNext()).toBeUndefined();
    bitmap.release(7);
    expect(bitmap.takeNext()).toBe(7);
  });

  it('takes an offset once and counts a release once', () => {
    const bitmap = new Bitmap(10);
    expect([bitmap.take(3), bitmap.take(3), bitmap.free]).toEqual([true, false, 9]);
    bitmap.release(3);
    bitmap.release(3);
    expect(bitmap.free).toBe(10);
  });
});

const noObjects = { get: () => undefined };
const ranges = (text: string, isReady = true): ServiceRange[] =>
  readServiceRanges(text).map((block) => ({ block, isReady }));

describe('ClusterIPs', () => {
  it.each([
    ['10.96.0.1', undefined],
    ['10.96.255.254', undefined],
    ['fd00::1', undefined],
    ['fd00::ffff', undefined],
    ['10.96.0.0', 'the provided network does not match the current range'],
    ['10.96.255.255', 'the provided network does not match the current range'],
    ['10.97.0.1', 'the provided network does not match the current range'],
    ['10.96.0.01', 'the provided network does not match the current range'],
    ['fd00::', 'the provided network does not match the current range'],
    ['fd01::1', 'the provided network does not match the current range'],
  ])('take %s: %s', (address, refusal) => {
    const addresses = new ClusterIPs(noObjects);
    const from = ranges('10.96.0.0/16,fd00::/112');
    if (refusal) expect(() => addresses.take(address, from)).toThrow(refusal);
    else {
      addresses.take(address, from);
      expect(() => addresses.take(address, from)).toThrow('provided IP is already allocated');
      addresses.settle(address);
      addresses.take(address, from);
    }
  });

  it.each([
    ['10.96.0.0/16', 'IPv4', '10.96.0.1', '10.96.1.0'],
    ['fd00::/64', 'IPv6', 'fd00::1', 'fd00::100'],
    ['fd00::/122', 'IPv6', 'fd00::1', 'fd00::10'],
  ] as const)('of %s leave those from %s %s to %s to who asks for them', (cidr, family, from, to) => {
    const addresses = new ClusterIPs(noObjects);
    const [first, last] = [from, to].map((text) => parseAddress(text)!.value);
    for (let i = 0; i < 40; i++) {
      const { value } = parseAddress(addresses.takeNext(family, ranges(cidr)))!;
      expect(value < first || value > last).toBe(true);
    }
  });

  it('give out every address of a small range, but those that have an object, then say that it is full', () => {
    const object = { value: Buffer.from('{}'), createRevision: 1, modRevision: 1 };
    const get = (key: string) => (key.endsWith('/10.0.0.3') ? { key, ...object } : undefined);
    const addresses = new ClusterIPs({ get });
    const from = ranges('10.0.0.0/27');
    const taken = Array.from({ length: 29 }, () => addresses.takeNext('IPv4', from));
    expect(new Set(taken).size).toBe(29);
    expect(taken).not.toContain('10.0.0.3');
    expect(taken.slice(0, 14).every((address) => Number(address.split('.')[3]) > 16)).toBe(true);
    expect(() => addresses.takeNext('IPv4', from)).toThrow('range is full');
    expect(addresses.takeNext('IPv4', [...from, ...ranges('10.1.0.0/30')])).toMatch(/^10\.1\.0\.[12]$/);
  });

  it('take nothing from a range that is not ready', () => {
    const addresses = new ClusterIPs(noObjects);
    expect(() => addresses.takeNext('IPv4', ranges('10.0.0.0/24', false))).toThrow('range is full');
    expect(() => addresses.take('10.0.0.1', ranges('10.0.0.0/24', false))).toThrow('does not match');
  });
});

describe('service ranges', () => {
  it.each([
    '10.96.0.1/16',
    '10.96.0.0',
    '10.96.0.0/31',
    'fd00::/48',
    'x/16',
    '10.96.0.0/16,10.97.0.0/16',
    'fd00::/112,fd01::/112',
    '10.96.0.0/16,fd00::/112,10.97.0.0/16',
  ])('are not %s', (text) => {
    expect(() => readServiceRanges(text)).toThrow(text.split(',')[0]);
  });
});

describe('NodePorts', () => {
  it.each(['30000', '30000-', '32767-30000', '0-10', '1-70000', 'a-b'])('refuse the range %s', (text) => {
    expect(() => readPortRange(text)).toThrow('is not a port range');
  });

  it('take, refuse and release', () => {
    const ports = new NodePorts(readPortRange('30000-32767'));
    ports.take(30001);
    expect(() => ports.take(30001)).toThrow('provided port is already allocated');
    expect(() => ports.take(80)).toThrow('The range of valid ports is 30000-32767');
    ports.release(30001);
    ports.take(30001);
    expect(ports.takeNext()).toBeGreaterThanOrEqual(30086);
  });
});
