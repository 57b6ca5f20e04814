// Services without endpoints, and endpoints in each state.
import { type Case, kept, masqueraded, rows } from '../table.ts';
import {
  BALANCERS,
  CLIENT_PODS,
  draining,
  dying,
  EVERYONE,
  EXTERNAL_IPS,
  inState,
  LOCAL,
  NODE_PORTS,
  nothing,
  VIA_1,
  VIA_2,
} from './words.ts';

export const WITHOUT_ENDPOINTS: readonly Case[] = [
  { name: 'no endpoints, TCP', number: 11, slices: [[]], rows: nothing() },
  { name: 'no endpoints, UDP', number: 12, slices: [], rows: nothing({ protocol: 'UDP' }) },
  {
    name: 'no endpoints, policy Local',
    number: 13,
    spec: { ...LOCAL, internalTrafficPolicy: 'Local' },
    slices: [],
    rows: [
      ...rows(EVERYONE, ['cluster IP', ...NODE_PORTS], 'refused'),
      ...rows(['internet'], [...EXTERNAL_IPS, ...BALANCERS], 'refused'),
    ],
  },
  {
    name: 'only endpoints that are not ready',
    number: 14,
    slices: [[inState('pod-1', false, false, false), inState('pod-3', false, true, false)]],
    rows: rows(EVERYONE, ['cluster IP', ...NODE_PORTS], 'refused'),
  },
  {
    name: 'only endpoints that terminate and serve no more',
    number: 15,
    slices: [[dying('pod-1'), dying('pod-3')]],
    rows: rows(EVERYONE, ['cluster IP', ...NODE_PORTS], 'refused'),
  },
];

export const STATES: readonly Case[] = [
  {
    name: 'ready endpoints before terminating ones',
    number: 21,
    slices: [[draining('pod-1'), 'pod-3', inState('pod-2', false, false, false)]],
    rows: [...rows(CLIENT_PODS, ['cluster IP'], kept('pod-3')), ...rows(['internet'], VIA_1, masqueraded('pod-3'))],
  },
  {
    name: 'terminating endpoints when no other is left',
    number: 22,
    slices: [[draining('pod-1'), draining('pod-3'), dying('pod-2')]],
    rows: [
      ...rows(CLIENT_PODS, ['cluster IP'], kept('pod-1', 'pod-3')),
      ...rows(['internet'], VIA_2, masqueraded('pod-1', 'pod-3')),
    ],
  },
  {
    name: 'terminating endpoints of this node, policy Local',
    number: 23,
    spec: { ...LOCAL, internalTrafficPolicy: 'Local' },
    slices: [[draining('pod-1'), dying('pod-2'), 'pod-3']],
    rows: [
      ...rows(['internet'], VIA_1, kept('pod-1')),
      ...rows(['internet'], VIA_2, kept('pod-3')),
      ...rows(['client-1'], ['cluster IP'], kept('pod-1')),
      ...rows(['client-2'], ['cluster IP'], kept('pod-3')),
      ...rows(['client-1'], BALANCERS, kept('pod-3')),
    ],
  },
  {
    name: 'terminating endpoints that serve no more, policy Local',
    number: 24,
    spec: { ...LOCAL, internalTrafficPolicy: 'Local' },
    slices: [[dying('pod-1'), 'pod-3']],
    rows: [
      ...rows(['internet'], VIA_1, 'lost'),
      ...rows(['client-1'], ['cluster IP'], 'lost'),
      ...rows(['internet'], VIA_2, kept('pod-3')),
    ],
  },
  {
    name: 'publishNotReadyAddresses',
    number: 25,
    spec: { publishNotReadyAddresses: true },
    slices: [[inState('pod-1', true, false, false), inState('pod-3', true, false, true)]],
    rows: [
      ...rows(CLIENT_PODS, ['cluster IP'], kept('pod-1', 'pod-3')),
      ...rows(['internet'], VIA_2, masqueraded('pod-1', 'pod-3')),
    ],
  },
  {
    name: 'endpoints that say nothing of their state',
    number: 26,
    slices: [
      [
        { pod: 'pod-1', conditions: {} },
        { pod: 'pod-3', conditions: {} },
      ],
    ],
    rows: rows(CLIENT_PODS, ['cluster IP'], kept('pod-1', 'pod-3')),
  },
];
