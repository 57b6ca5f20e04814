import { describe, expect, it } from 'vitest';
import type { Node } from '../../api/types/core.v1.ts';
import { deviceAddress, deviceMAC, tunnelChanges, tunnelsOf } from './vxlan.ts';

function node(name: string, podCIDRs: string[], ...addresses: string[]): Node {
  const told = addresses.map((address) => ({ type: 'InternalIP' as const, address }));
  return { metadata: { name }, spec: { podCIDR: podCIDRs[0], podCIDRs }, status: { addresses: told } };
}

describe('the overlay', () => {
  it('has a device of the same link address for whoever knows the node’s address', () => {
    expect(deviceMAC('192.168.1.10')).toBe('02:00:c0:a8:01:0a');
    expect(deviceMAC('fd00:192:168:1::10')).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(deviceMAC('fd00:192:168:1::10')).not.toBe(deviceMAC('fd00:192:168:1::11'));
    expect([deviceAddress('10.244.1.0/24'), deviceAddress('fd00:10:244:1::/64')]).toEqual([
      '10.244.1.0',
      'fd00:10:244:1::',
    ]);
  });

  it('leads to every pod CIDR of every other node, by its first address', () => {
    const nodes = [
      node('node-1', ['10.244.1.0/24'], '192.168.1.10'),
      node('node-2', ['10.244.2.0/24', 'fd00:10:244:2::/64'], '192.168.1.11', 'fd00:192:168:1::11'),
      node('node-3', ['10.244.3.0/24']),
      node('node-4', [], '192.168.1.13'),
    ];
    const far = { mac: '02:00:c0:a8:01:0b', node: '192.168.1.11' };
    expect([...tunnelsOf(nodes, 'node-1')]).toEqual([
      ['10.244.2.0/24', { gateway: '10.244.2.0', ...far }],
      ['fd00:10:244:2::/64', { gateway: 'fd00:10:244:2::', ...far }],
    ]);
  });

  it('changes only where it differs', () => {
    const tunnel = (last: number) => ({
      gateway: '10.244.2.0',
      mac: `02:00:c0:a8:01:0${last}`,
      node: `192.168.1.${last}`,
    });
    const held = new Map([
      ['10.244.2.0/24', tunnel(1)],
      ['10.244.3.0/24', tunnel(2)],
      ['10.244.4.0/24', tunnel(3)],
    ]);
    const wanted = new Map([
      ['10.244.2.0/24', tunnel(1)],
      ['10.244.3.0/24', tunnel(9)],
      ['10.244.5.0/24', tunnel(4)],
    ]);
    const { fresh, gone } = tunnelChanges(held, wanted);
    expect(gone).toEqual([
      ['10.244.3.0/24', tunnel(2)],
      ['10.244.4.0/24', tunnel(3)],
    ]);
    expect(fresh).toEqual([
      ['10.244.3.0/24', tunnel(9)],
      ['10.244.5.0/24', tunnel(4)],
    ]);
  });
});
