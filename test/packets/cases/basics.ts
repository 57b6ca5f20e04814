// Ports, protocols and addresses.
import { type Case, kept, masqueraded, rows } from '../table.ts';
import { ALL_PODS } from '../topology.ts';
import { CLIENT_PODS, everything, inState, LOCAL, NODE_PORTS, OUTSIDE, VIA_1, VIA_2 } from './words.ts';

export const BASICS: readonly Case[] = [
  { name: 'one Service, all addresses, TCP', number: 1, slices: [ALL_PODS], rows: everything(ALL_PODS) },
  { name: 'UDP', number: 2, slices: [ALL_PODS], rows: everything(ALL_PODS, { protocol: 'UDP' }) },
  {
    name: 'SCTP',
    number: 3,
    slices: [ALL_PODS],
    rows: [
      ...rows(CLIENT_PODS, ['cluster IP'], kept(...ALL_PODS), { protocol: 'SCTP' }),
      ...rows(['node-1', 'internet'], ['cluster IP', ...VIA_2], masqueraded(...ALL_PODS), { protocol: 'SCTP' }),
    ],
  },
  {
    name: 'a port that is not the endpoints’',
    number: 4,
    ports: [
      { name: 'a', protocol: 'TCP', port: 443, nodePort: 30_004, targetPort: 8081 },
      { name: 'b', protocol: 'TCP', port: 80, nodePort: 30_104, targetPort: 8080 },
    ],
    slices: [['pod-3']],
    rows: [
      ...rows(CLIENT_PODS, ['cluster IP'], kept('pod-3'), { port: 443 }),
      ...rows(CLIENT_PODS, ['cluster IP'], kept('pod-3'), { port: 80 }),
      ...rows(['internet'], NODE_PORTS, masqueraded('pod-3'), { port: 30_004 }),
      ...rows(['internet'], NODE_PORTS, masqueraded('pod-3'), { port: 30_104 }),
      ...rows(CLIENT_PODS, ['cluster IP'], { iptables: 'lost', nftables: 'refused' }, { port: 9999 }),
    ],
  },
  {
    name: 'endpoints in several slices',
    number: 5,
    slices: [['pod-1', 'pod-2'], ['pod-2'], [inState('pod-3', true, true, false)]],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept(...ALL_PODS)),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS)),
    ],
  },
  {
    name: 'IPv4 alone',
    number: 6,
    families: ['IPv4'],
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1', 'client-2'], ['cluster IP'], kept(...ALL_PODS), { family: 'IPv4' }),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS), { family: 'IPv4' }),
      ...rows(['internet'], NODE_PORTS, 'refused', { family: 'IPv6' }),
    ],
  },
  {
    name: 'IPv6 alone',
    number: 7,
    families: ['IPv6'],
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1', 'client-2'], ['cluster IP'], kept(...ALL_PODS), { family: 'IPv6' }),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS), { family: 'IPv6' }),
      ...rows(['internet'], NODE_PORTS, 'refused', { family: 'IPv4' }),
    ],
  },
  {
    name: 'hairpin',
    number: 8,
    slices: [['pod-1']],
    rows: [
      ...rows(['pod-1'], ['cluster IP'], kept('pod-1')),
      ...rows(['pod-1'], OUTSIDE, masqueraded('pod-1')),
      ...rows(['pod-1'], ['cluster IP'], kept('pod-1'), { protocol: 'UDP' }),
    ],
  },
  {
    name: 'hairpin, policy Local',
    number: 9,
    spec: LOCAL,
    slices: [['pod-1']],
    rows: rows(['pod-1'], ['cluster IP', ...VIA_1], kept('pod-1')),
  },
];
