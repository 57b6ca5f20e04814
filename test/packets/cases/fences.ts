// Who may come by a load balancer's address.
import { type Case, kept, masqueraded, rows } from '../table.ts';
import { ALL_PODS } from '../topology.ts';
import { BALANCERS, CLIENT_PODS, EXTERNAL_IPS, LOCAL, NODE_PORTS, NODES } from './words.ts';

export const FENCES: readonly Case[] = [
  {
    name: 'source ranges that hold the outside client',
    number: 41,
    spec: { loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8:113::/64'] },
    slices: [ALL_PODS],
    rows: [
      ...rows(['internet'], BALANCERS, masqueraded(...ALL_PODS)),
      ...rows([...CLIENT_PODS, ...NODES], BALANCERS, 'lost'),
      ...rows(['client-1'], ['cluster IP'], kept(...ALL_PODS)),
      ...rows(['client-1', 'internet'], [...NODE_PORTS, ...EXTERNAL_IPS], masqueraded(...ALL_PODS)),
    ],
  },
  {
    name: 'source ranges that hold one pod',
    number: 42,
    spec: { loadBalancerSourceRanges: ['10.244.1.100/32', 'fd00:10:244:1::100/128'] },
    slices: [['pod-1', 'pod-3']],
    rows: [
      ...rows(['client-1'], BALANCERS, masqueraded('pod-1', 'pod-3')),
      ...rows(['client-2', 'internet'], BALANCERS, 'lost'),
    ],
  },
  {
    name: 'source ranges, policy Local',
    number: 43,
    spec: { ...LOCAL, loadBalancerSourceRanges: ['203.0.113.100/32', '2001:db8:113::100/128'] },
    slices: [['pod-1']],
    rows: [
      ...rows(['internet'], ['load balancer via node-1', 'node port of node-1'], kept('pod-1')),
      ...rows(['internet'], ['load balancer via node-2'], 'lost'),
      ...rows(['client-1', 'node-1'], BALANCERS, 'lost'),
    ],
  },
  {
    name: 'ipMode Proxy',
    number: 44,
    ipMode: 'Proxy',
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1', 'node-1', 'internet'], BALANCERS, 'lost'),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS)),
    ],
  },
];
