import { describe, expect, it } from 'vitest';
import type { Node } from '../../api/types/core.v1.ts';
import { podRoutes, routeChanges } from './routes.ts';

function node(name: string, podCIDR?: string, address?: string): Node {
  const addresses = address ? [{ type: 'InternalIP' as const, address }] : [];
  return { metadata: { name }, spec: { podCIDR }, status: { addresses } };
}

describe('routes to other nodes', () => {
  it('lead to every other node that has a pod CIDR and an address', () => {
    const nodes = [
      node('node-1', '10.244.1.0/24', '192.168.1.10'),
      node('node-2', '10.244.2.0/24', '192.168.1.11'),
      node('node-3', '10.244.3.0/24'),
      node('node-4', undefined, '192.168.1.13'),
      node('node-5', 'nonsense', '192.168.1.14'),
    ];
    expect([...podRoutes(nodes, 'node-1')]).toEqual([['10.244.2.0/24', '192.168.1.11']]);
  });

  it('lead by the node’s address of the same family', () => {
    const both: Node = {
      metadata: { name: 'node-2' },
      spec: { podCIDR: '10.244.2.0/24', podCIDRs: ['10.244.2.0/24', 'fd00:10:244:2::/64'] },
      status: {
        addresses: ['192.168.1.11', 'fd00:192:168:1::11', '192.168.1.99'].map((address) => {
          return { type: 'InternalIP' as const, address };
        }),
      },
    };
    expect([...podRoutes([both], 'node-1')]).toEqual([
      ['10.244.2.0/24', '192.168.1.11'],
      ['fd00:10:244:2::/64', 'fd00:192:168:1::11'],
    ]);
    const only4 = { ...both, status: { addresses: both.status!.addresses!.slice(0, 1) } };
    expect([...podRoutes([only4], 'node-1').keys()]).toEqual(['10.244.2.0/24']);
  });

  it('change only where they differ', () => {
    const held = new Map([
      ['10.244.2.0/24', '192.168.1.11'],
      ['10.244.3.0/24', '192.168.1.12'],
      ['10.244.4.0/24', '192.168.1.13'],
    ]);
    const wanted = new Map([
      ['10.244.2.0/24', '192.168.1.11'],
      ['10.244.3.0/24', '192.168.1.99'],
      ['10.244.5.0/24', '192.168.1.14'],
    ]);
    expect(routeChanges(held, wanted)).toEqual([
      { op: 'delete-route', to: '10.244.4.0/24' },
      { op: 'add-route', to: '10.244.3.0/24', via: '192.168.1.99' },
      { op: 'add-route', to: '10.244.5.0/24', via: '192.168.1.14' },
    ]);
  });
});
