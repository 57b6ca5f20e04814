import { describe, expect, it } from 'vitest';
import { AddressPools } from './load-balancer-addresses.ts';

const BOTH = ['IPv4', 'IPv6'] as const;

describe('addresses of load balancers', () => {
  it('are one of each family that the Service has, in its order', () => {
    const pools = new AddressPools(['52.1.2.0/24', '2001:db8::/112']);
    expect(pools.take('a', BOTH, [])).toEqual(['52.1.2.3', '2001:db8::3']);
    expect(pools.take('b', ['IPv6', 'IPv4'], [])).toEqual(['2001:db8::4', '52.1.2.4']);
    expect(pools.take('c', ['IPv6'], [])).toEqual(['2001:db8::5']);
    expect(pools.take('d', BOTH, ['2001:db8::9'])).toEqual(['52.1.2.5', '2001:db8::9']);
  });

  it('are kept when a family comes, and given back when it goes', () => {
    const pools = new AddressPools(['52.1.2.0/24', '2001:db8::/112']);
    pools.take('a', ['IPv4'], []);
    expect(pools.take('a', BOTH, ['52.1.2.3'])).toEqual(['52.1.2.3', '2001:db8::3']);
    expect(pools.release('a', ['IPv4'])).toBe(true);
    expect(pools.release('a', ['IPv4'])).toBe(false);
    expect(pools.take('b', BOTH, [])).toEqual(['52.1.2.4', '2001:db8::3']);
  });

  it('are had together or not at all', () => {
    const pools = new AddressPools(['52.1.2.0/29', '2001:db8::/112']);
    for (const key of ['a', 'b', 'c', 'd']) pools.take(key, ['IPv4'], []);
    expect(pools.take('e', BOTH, [])).toBeUndefined();
    expect(pools.take('f', ['IPv6'], [])).toEqual(['2001:db8::3']); // which e did not keep
    expect(pools.take('a', ['IPv4'], ['2001:db8::9'])).toBeUndefined();
    expect(new AddressPools(['52.1.2.0/24']).take('a', ['IPv6'], [])).toBeUndefined();
  });

  it('come from one block of a family', () => {
    expect(() => new AddressPools(['52.1.2.0/24', '52.1.3.0/24'])).toThrow(/of one address family/);
    expect(() => new AddressPools(['52.1.2.0/30'])).toThrow(/too small/);
  });
});
