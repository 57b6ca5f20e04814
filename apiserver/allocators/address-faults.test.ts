// What is told of Services and addresses that came apart, and what mends them.
import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/types/core.v1.ts';
import type { IPAddress, ParentReference } from '../../api/types/networking.v1.ts';
import { type Fault, faultOfAddress, faultsOfService, type Known } from './address-faults.ts';
import { readServiceRanges } from './service-ranges.ts';

const service = (name: string, ...clusterIPs: string[]): Service => ({
  metadata: { name, namespace: 'a' },
  spec: { type: 'ClusterIP', clusterIP: clusterIPs[0], clusterIPs },
});
const parentOf = (name: string): ParentReference => ({ resource: 'services', namespace: 'a', name });
const address = (name: string, parentRef: ParentReference, isOurs = true): IPAddress => ({
  metadata: { name, ...(isOurs && { labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } }) },
  spec: { parentRef },
});

function knowing(services: readonly Service[], addresses: readonly IPAddress[]): Known {
  return {
    addressOf: (name) => addresses.find(({ metadata }) => metadata.name === name),
    serviceAt: (namespace, name) =>
      services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    ranges: readServiceRanges('10.96.0.0/16,fd00::/112').map((block) => ({ block, isReady: false })),
    ports: { from: 30000, to: 32767 },
  };
}

/** Reason, then what is deleted and what is made. */
const told = ({ event, free, give }: Fault): string =>
  [event.reason, free && `-${free}`, give && `+${give.address}`].filter(Boolean).join(' ');

const gateway: ParentReference = {
  group: 'gateway.networking.k8s.io',
  resource: 'gateways',
  namespace: 'a',
  name: 'g',
};

describe('of a Service', () => {
  const web = service('web', '10.96.0.7', 'fd00::7');
  const both = [address('10.96.0.7', parentOf('web')), address('fd00::7', parentOf('web'))];

  it.each<[string, Service, readonly IPAddress[], readonly string[]]>([
    ['nothing', web, both, []],
    ['nothing, written otherwise', service('web', 'FD00:0::7'), both, []],
    ['headless', service('web', 'None'), [], []],
    ['one object missing', web, both.slice(0, 1), ['ClusterIPNotAllocated +fd00::7']],
    [
      'a gateway has it',
      web,
      [address('10.96.0.7', gateway), both[1]],
      ['ClusterIPNotAllocated -10.96.0.7 +10.96.0.7'],
    ],
    [
      'who is gone has it',
      web,
      [address('10.96.0.7', parentOf('gone')), both[1]],
      ['ClusterIPNotAllocated -10.96.0.7 +10.96.0.7'],
    ],
    ['another one has it too', web, [address('10.96.0.7', parentOf('twin')), both[1]], ['ClusterIPAlreadyAllocated']],
    ['outside all ranges', service('web', '10.97.0.7'), [], ['ClusterIPOutOfRange']],
    ['the range’s own address', service('web', '10.96.0.0'), [], ['ClusterIPOutOfRange']],
  ])('%s', (_what, one, addresses, expected) => {
    const known = knowing([one, service('twin', '10.96.0.7')], addresses);
    expect(faultsOfService(one, known).map(told)).toEqual(expected);
  });

  it('every port outside the range', () => {
    const one = service('web', 'None');
    Object.assign(one.spec!, {
      ports: [
        { port: 80, nodePort: 80 },
        { port: 81, nodePort: 30001 },
      ],
      healthCheckNodePort: 40000,
    });
    const notes = faultsOfService(one, knowing([one], [])).map(({ event }) => event.note);
    expect(notes).toEqual(
      [80, 40000].map((port) => `Port ${port} is not within the port range 30000-32767; please recreate service`),
    );
  });
});

describe('of an address', () => {
  it.each<[string, IPAddress, string | undefined]>([
    ['nothing', address('10.96.0.7', parentOf('web')), undefined],
    ['not ours', address('10.96.0.9', gateway, false), undefined],
    ['no Service’s', address('10.96.0.9', gateway), 'IPAddressNotAllocated -10.96.0.9'],
    ['a Service’s that is gone', address('10.96.0.9', parentOf('gone')), 'IPAddressNotAllocated -10.96.0.9'],
    ['a Service’s that has another', address('10.96.0.9', parentOf('web')), 'IPAddressWrongReference -10.96.0.9'],
  ])('%s', (_what, one, expected) => {
    const fault = faultOfAddress(one, knowing([service('web', '10.96.0.7')], [one]));
    expect(fault && told(fault)).toBe(expected);
  });
});
