import { expect, it } from 'vitest';
import { renderMasquerade } from './masquerade.ts';

it('spares what is inside the cluster', () => {
  const inside = ['10.244.0.0/16', '10.244.2.0/24', '192.168.1.10/32', 'fd00:10:244::/56'];
  const text = renderMasquerade({ podCIDRs: ['10.244.1.0/24'], inside });
  expect(text).toContain('elements = { 10.244.0.0/16, 10.244.1.0/24, 10.244.2.0/24, 192.168.1.10/32 }');
  expect(text).toContain('ip saddr 10.244.1.0/24 ip daddr != @inside');
  expect(text).not.toContain('ip6');
});

it('is a table for each family that pods have', () => {
  const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
  const text = renderMasquerade({ podCIDRs, inside: ['fd00:192:168:1::10/128'] });
  expect(text).toContain('elements = { fd00:10:244:1::/64, fd00:192:168:1::10/128 }');
  expect(text).toContain('ip6 saddr fd00:10:244:1::/64 ip6 daddr != @inside ip6 daddr != ff00::/8 masquerade');
});

it('never writes what is no CIDR', () => {
  expect(() => renderMasquerade({ podCIDRs: ['10.244.1.0/24 } accept'], inside: [] })).toThrow('not a CIDR');
});
