import { expect, it } from 'vitest';
import { renderMasquerade } from './masquerade.ts';

it('spares what is inside the cluster', () => {
  const nodeNetworks = ['192.168.1.10/32', '10.244.2.0/24'];
  const text = renderMasquerade({ podCIDR: '10.244.1.0/24', clusterCIDR: '10.244.0.0/16', nodeNetworks });
  expect(text).toContain('elements = { 10.244.0.0/16, 10.244.1.0/24, 10.244.2.0/24, 192.168.1.10/32 }');
  expect(text).toContain('ip saddr 10.244.1.0/24 ip daddr != @inside');
});

it('never writes what is no CIDR', () => {
  expect(() => renderMasquerade({ podCIDR: '10.244.1.0/24 } accept', nodeNetworks: [] })).toThrow('not a CIDR');
});
