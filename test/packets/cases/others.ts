// Types of Services, and Services of others.
import { type Case, masqueraded, rows } from '../table.ts';
import { ALL_PODS } from '../topology.ts';
import { NODE_PORTS } from './words.ts';

export const OTHERS: readonly Case[] = [
  {
    name: 'type NodePort',
    number: 61,
    spec: { type: 'NodePort', externalIPs: [] },
    slices: [ALL_PODS],
    rows: [
      // Nobody is asked which addresses serve node ports: iptables takes all the node's, nftables those of the Node object.
      ...rows(['internet', 'client-1'], ['second address of node-1', 'second address of node-2'], {
        iptables: masqueraded(...ALL_PODS),
        nftables: 'refused',
      }),
      ...rows(
        ['node-1'],
        ['node port on localhost'],
        { iptables: masqueraded(...ALL_PODS), nftables: 'refused' },
        {
          family: 'IPv4',
        },
      ),
      ...rows(['node-1'], ['node port on localhost'], 'refused', { family: 'IPv6' }),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS)),
    ],
  },
  {
    name: 'another proxy’s Service',
    number: 62,
    labels: { 'service.kubernetes.io/service-proxy-name': 'other' },
    slices: [ALL_PODS],
    rows: [...rows(['client-1'], ['cluster IP'], 'lost'), ...rows(['internet'], NODE_PORTS, 'refused')],
  },
];
