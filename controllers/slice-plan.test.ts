import { describe, expect, it } from 'vitest';
import type { Endpoint, EndpointSlice } from '../api/types/discovery.v1.ts';
import { planSlices } from './slice-plan.ts';

const endpoint = (n: number, ready = true): Endpoint => ({ addresses: [`10.0.0.${n}`], conditions: { ready } });
const range = (from: number, to: number): Endpoint[] =>
  Array.from({ length: to - from + 1 }, (_, i) => endpoint(from + i));
const PORTS = [{ name: '', port: 80, protocol: 'TCP' as const }];
const slice = (name: string, endpoints: Endpoint[], ports = PORTS): EndpointSlice => ({
  metadata: { name },
  addressType: 'IPv4',
  endpoints,
  ports,
});
const sizes = (existing: EndpointSlice[], wanted: Endpoint[], ports = PORTS) => {
  const plan = planSlices(existing, wanted.length > 0 ? [{ ports, endpoints: wanted }] : [], 3);
  return {
    create: plan.create.map(({ endpoints }) => endpoints.length),
    update: plan.update.map(({ slice: { metadata }, content }) => `${metadata.name}:${content.endpoints.length}`),
    remove: plan.remove.map(({ metadata }) => metadata.name),
  };
};

describe('planSlices', () => {
  it.each([
    ['nothing: one empty slice says so', [], [], { create: [0], update: [], remove: [] }],
    ['more than fit into one', [], range(1, 7), { create: [3, 3, 1], update: [], remove: [] }],
    ['a gap is filled', [slice('a', range(1, 2))], range(1, 3), { create: [], update: ['a:3'], remove: [] }],
    [
      'what is in place stays there, and the rest goes where room is',
      [slice('a', range(1, 3)), slice('b', range(4, 4))],
      range(1, 6),
      { create: [], update: ['a:3', 'b:3'], remove: [] },
    ],
    [
      'an empty slice goes',
      [slice('a', range(1, 3)), slice('b', range(4, 4))],
      range(1, 3),
      { create: [], update: ['a:3'], remove: ['b'] },
    ],
    [
      'the last slice is emptied, not removed',
      [slice('a', range(1, 3)), slice('b', range(4, 4))],
      [],
      { create: [], update: ['a:0'], remove: ['b'] },
    ],
  ])('%s', (_, existing, wanted, plan) => expect(sizes(existing, wanted)).toEqual(plan));

  it('reuses a slice whose ports nobody wants any more', () => {
    const old = slice('a', range(1, 2), [{ name: '', port: 8080, protocol: 'TCP' }]);
    expect(sizes([old], range(1, 2))).toEqual({ create: [], update: ['a:2'], remove: [] });
  });

  it('takes over what changed about an endpoint in its place', () => {
    const plan = planSlices(
      [slice('a', [endpoint(1), endpoint(2)])],
      [{ ports: PORTS, endpoints: [endpoint(2, false), endpoint(1)] }],
      3,
    );
    expect(plan.update[0].content.endpoints).toEqual([endpoint(1), endpoint(2, false)]);
  });
});
