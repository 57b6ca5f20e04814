// Traffic policies and where traffic is kept.
import { type Case, kept, masqueraded, rows } from '../table.ts';
import { ALL_PODS } from '../topology.ts';
import { BALANCERS, CLIENT_PODS, EXTERNAL_IPS, LOCAL, NODES, VIA_1, VIA_2 } from './words.ts';

export const POLICIES: readonly Case[] = [
  {
    name: 'external policy Local',
    number: 31,
    spec: LOCAL,
    slices: [['pod-1', 'pod-2']],
    rows: [
      ...rows(['internet'], VIA_1, kept('pod-1', 'pod-2')),
      ...rows(['internet'], VIA_2, 'lost'),
      // The cluster's own traffic takes a short cut to all endpoints; a node's own is masqueraded.
      ...rows(CLIENT_PODS, ['cluster IP', ...BALANCERS, ...EXTERNAL_IPS], kept('pod-1', 'pod-2')),
      ...rows(CLIENT_PODS, ['node port of node-1'], kept('pod-1', 'pod-2')),
      ...rows(NODES, ['cluster IP', ...BALANCERS, ...EXTERNAL_IPS], masqueraded('pod-1', 'pod-2')),
      ...rows(['node-1'], ['node port of node-1'], masqueraded('pod-1', 'pod-2')),
      ...rows(['node-2'], ['node port of node-2'], masqueraded('pod-1', 'pod-2')),
      ...rows(['node-2'], ['node port of node-1'], kept('pod-1', 'pod-2')),
      ...rows(['node-1'], ['node port of node-2'], 'lost'),
    ],
  },
  {
    name: 'external policy Local, endpoints everywhere, UDP',
    number: 32,
    spec: LOCAL,
    slices: [ALL_PODS],
    rows: [
      ...rows(['internet'], VIA_1, kept('pod-1', 'pod-2'), { protocol: 'UDP' }),
      ...rows(['internet'], VIA_2, kept('pod-3'), { protocol: 'UDP' }),
      ...rows(['client-1'], BALANCERS, kept(...ALL_PODS), { protocol: 'UDP' }),
      ...rows(['internet'], ['cluster IP'], masqueraded(...ALL_PODS), { protocol: 'UDP' }),
    ],
  },
  {
    name: 'internal policy Local',
    number: 33,
    spec: { internalTrafficPolicy: 'Local' },
    slices: [['pod-1', 'pod-2']],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept('pod-1', 'pod-2')),
      ...rows(['node-1', 'internet'], ['cluster IP'], masqueraded('pod-1', 'pod-2')),
      ...rows(['client-2', 'node-2'], ['cluster IP'], 'lost'),
      ...rows(['internet'], [...VIA_1, ...VIA_2], masqueraded('pod-1', 'pod-2')),
      ...rows(['client-2'], BALANCERS, masqueraded('pod-1', 'pod-2')),
    ],
  },
  {
    name: 'internal and external policy Local',
    number: 34,
    spec: { ...LOCAL, internalTrafficPolicy: 'Local' },
    slices: [['pod-1', 'pod-3']],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept('pod-1')),
      ...rows(['client-2'], ['cluster IP'], kept('pod-3')),
      ...rows(['internet'], VIA_1, kept('pod-1')),
      ...rows(['internet'], VIA_2, kept('pod-3')),
      ...rows(CLIENT_PODS, ['load balancer via node-1'], kept('pod-1', 'pod-3')),
    ],
  },
  {
    name: 'zone hints',
    number: 35,
    slices: [
      [
        { pod: 'pod-1', hints: { forZones: [{ name: 'zone-1' }] } },
        { pod: 'pod-2', hints: { forZones: [{ name: 'zone-1' }] } },
        { pod: 'pod-3', hints: { forZones: [{ name: 'zone-2' }] } },
      ],
    ],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept('pod-1', 'pod-2')),
      ...rows(['client-2'], ['cluster IP'], kept('pod-3')),
      ...rows(['internet'], VIA_1, masqueraded('pod-1', 'pod-2')),
      ...rows(['internet'], VIA_2, masqueraded('pod-3')),
    ],
  },
  {
    name: 'node hints',
    number: 36,
    spec: { trafficDistribution: 'PreferSameNode' },
    slices: [
      [
        { pod: 'pod-1', hints: { forZones: [{ name: 'zone-1' }], forNodes: [{ name: 'node-1' }] } },
        { pod: 'pod-3', hints: { forZones: [{ name: 'zone-2' }], forNodes: [{ name: 'node-2' }] } },
      ],
    ],
    rows: [
      ...rows(['client-1', 'pod-2'], ['cluster IP'], kept('pod-1')),
      ...rows(['client-2'], ['cluster IP'], kept('pod-3')),
    ],
  },
  {
    name: 'hints that some endpoint lacks',
    number: 37,
    slices: [[{ pod: 'pod-1', hints: { forZones: [{ name: 'zone-1' }] } }, 'pod-3']],
    rows: rows(CLIENT_PODS, ['cluster IP'], kept('pod-1', 'pod-3')),
  },
];
