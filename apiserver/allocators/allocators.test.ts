import { describe, expect, it } from 'vitest';
import { Bitmap } from './bitmap.ts';
import { ClusterIPs } from './cluster-ips.ts';
import { NodePorts, readPortRange } from './node-ports.ts';

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

describe('ClusterIPs', () => {
  it.each([
    ['10.96.0.1', undefined],
    ['10.96.255.254', undefined],
    ['10.96.0.0', 'the provided network does not match the current range'],
    ['10.96.255.255', 'the provided network does not match the current range'],
    ['10.97.0.1', 'the provided network does not match the current range'],
    ['10.96.0.01', 'the provided network does not match the current range'],
    ['fd00::1', 'the provided network does not match the current range'],
  ])('take %s: %s', (address, refusal) => {
    const addresses = new ClusterIPs('10.96.0.0/16');
    if (refusal) expect(() => addresses.take(address)).toThrow(refusal);
    else {
      addresses.take(address);
      expect(() => addresses.take(address)).toThrow('provided IP is already allocated');
    }
  });

  it('leave the first 256 addresses of a /16 to those who ask for them', () => {
    const addresses = new ClusterIPs('10.96.0.0/16');
    for (let i = 0; i < 500; i++) expect(addresses.takeNext()).not.toMatch(/^10\.96\.0\./);
  });

  it('give out every address of a small range, then say that it is full', () => {
    const addresses = new ClusterIPs('10.0.0.0/28');
    const taken = new Set(Array.from({ length: 14 }, () => addresses.takeNext()));
    expect(taken.size).toBe(14);
    expect(() => addresses.takeNext()).toThrow('range is full');
  });

  it.each(['10.96.0.1/16', '10.96.0.0', '10.96.0.0/8', 'fd00::/108', 'x/16'])('refuse the range %s', (cidr) => {
    expect(() => new ClusterIPs(cidr)).toThrow();
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
