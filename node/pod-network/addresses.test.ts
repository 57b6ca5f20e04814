import { describe, expect, it } from 'vitest';
import { PodAddresses } from './addresses.ts';

describe('pod addresses', () => {
  it('start after the bridge and go on', () => {
    const addresses = new PodAddresses('10.244.1.0/24');
    expect(addresses.gateway).toBe('10.244.1.1');
    expect([addresses.take('a'), addresses.take('b'), addresses.take('a')]).toEqual([
      '10.244.1.2',
      '10.244.1.3',
      '10.244.1.2',
    ]);
  });

  it('come back only after all others have been given', () => {
    const addresses = new PodAddresses('10.0.0.0/29');
    const taken = ['a', 'b', 'c'].map((uid) => addresses.take(uid));
    addresses.free('a');
    expect([...taken, addresses.take('d'), addresses.take('e'), addresses.take('f')]).toEqual([
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      '10.0.0.2',
    ]);
    expect(() => addresses.take('g')).toThrow('no IP addresses available');
  });

  it('go on where an earlier agent stopped, around what it gave', () => {
    const addresses = new PodAddresses('10.244.1.0/24', '10.244.1.7');
    addresses.hold('old', '10.244.1.8');
    expect([addresses.take('old'), addresses.take('new')]).toEqual(['10.244.1.8', '10.244.1.9']);
  });

  it('do not follow an address of another range', () => {
    expect(new PodAddresses('10.244.2.0/24', '10.244.1.7').take('a')).toBe('10.244.2.2');
  });

  it('are of either family', () => {
    const addresses = new PodAddresses('fd00:10:244:1::/64', 'fd00:10:244:1::9');
    expect([addresses.family, addresses.gatewayCIDR]).toEqual(['IPv6', 'fd00:10:244:1::1/64']);
    expect([addresses.take('a'), addresses.take('b')]).toEqual(['fd00:10:244:1::a', 'fd00:10:244:1::b']);
  });

  it.each(['10.244.1.0/31', 'fd00::/127', 'x', '10.244.1.0'])('%s is no pod CIDR', (cidr) => {
    expect(() => new PodAddresses(cidr)).toThrow('not a pod CIDR');
  });
});
