// The stages of one run: the table first, then the same Services changed, then proxies told something else by their flags.

import { affinity } from './cases/affinity.ts';
import { CASES } from './cases.ts';
import type { EndpointSpec } from './objects.ts';
import type { ProxyFlags } from './proxies.ts';
import { type Case, kept, masqueraded, rows } from './table.ts';
import { ALL_PODS } from './topology.ts';

export interface Stage {
  readonly name: string;
  /** Both proxies are started again with these before the stage's objects are written. */
  readonly flags?: ProxyFlags;
  /** Names of Services that go. */
  readonly gone?: readonly number[];
  readonly cases: readonly Case[];
}

const draining: EndpointSpec = { pod: 'pod-1', conditions: { ready: false, serving: true, terminating: true } };
const NODE_PORTS = ['node port of node-1', 'node port of node-2'] as const;
const BALANCERS = ['load balancer via node-1', 'load balancer via node-2'] as const;

/** What stands before something changes; that it works is the table's to prove. */
const BEFORE: readonly Case[] = [
  { name: 'an endpoint less', number: 71, slices: [ALL_PODS], rows: [] },
  { name: 'its last endpoint gone', number: 72, slices: [['pod-1', 'pod-3']], rows: [] },
  { name: 'a first endpoint', number: 73, slices: [[]], rows: [] },
  { name: 'external policy becomes Local', number: 74, slices: [ALL_PODS], rows: [] },
  { name: 'other ports', number: 75, slices: [ALL_PODS], rows: [] },
  { name: 'no node port any more', number: 76, slices: [ALL_PODS], rows: [] },
  { name: 'deleted', number: 77, slices: [ALL_PODS], rows: [] },
  { name: 'all endpoints begin to terminate', number: 78, slices: [['pod-1']], rows: [] },
  { name: 'source ranges come', number: 79, slices: [ALL_PODS], rows: [] },
  { name: 'affinity comes', number: 80, families: ['IPv4'], slices: [ALL_PODS], rows: [] },
  { name: 'hints come', number: 81, slices: [['pod-1', 'pod-3']], rows: [] },
  {
    name: 'affinity goes',
    number: 82,
    families: ['IPv4'],
    spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    slices: [ALL_PODS],
    rows: [],
  },
];

const AFTER: readonly Case[] = [
  {
    name: 'an endpoint less',
    number: 71,
    slices: [['pod-1', 'pod-3']],
    rows: [
      ...rows(['client-1', 'client-2'], ['cluster IP'], kept('pod-1', 'pod-3')),
      ...rows(['internet'], NODE_PORTS, masqueraded('pod-1', 'pod-3')),
      ...rows(['client-1'], ['cluster IP'], kept('pod-1', 'pod-3'), { protocol: 'UDP' }),
    ],
  },
  {
    name: 'its last endpoint gone',
    number: 72,
    slices: [[]],
    rows: rows(['client-1', 'client-2', 'node-1', 'internet'], ['cluster IP', ...NODE_PORTS], 'refused'),
  },
  {
    name: 'a first endpoint',
    number: 73,
    slices: [['pod-2']],
    rows: [
      ...rows(['client-1', 'client-2'], ['cluster IP'], kept('pod-2')),
      ...rows(['internet'], [...NODE_PORTS, ...BALANCERS], masqueraded('pod-2')),
    ],
  },
  {
    name: 'external policy becomes Local',
    number: 74,
    spec: { externalTrafficPolicy: 'Local' },
    slices: [['pod-3']],
    rows: [
      ...rows(['internet'], ['node port of node-1', 'load balancer via node-1'], 'lost'),
      ...rows(['internet'], ['node port of node-2', 'load balancer via node-2'], kept('pod-3')),
    ],
  },
  {
    name: 'other ports',
    number: 75,
    ports: [{ name: 'tcp', protocol: 'TCP', port: 8000, nodePort: 30_175, targetPort: 8081 }],
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept(...ALL_PODS), { port: 8000 }),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS), { port: 30_175 }),
      ...rows(['internet'], NODE_PORTS, 'refused', { port: 30_075 }),
      ...rows(['client-1'], ['cluster IP'], { iptables: 'lost', nftables: 'refused' }, { port: 80 }),
    ],
  },
  {
    name: 'no node port any more',
    number: 76,
    spec: { type: 'ClusterIP', externalIPs: [] },
    ports: [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 0, targetPort: 8080 }],
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept(...ALL_PODS)),
      ...rows(['internet'], NODE_PORTS, 'refused', { port: 30_076 }),
      ...rows(['internet'], BALANCERS, 'lost'),
    ],
  },
  {
    name: 'all endpoints begin to terminate',
    number: 78,
    slices: [[draining]],
    rows: [
      ...rows(['client-1'], ['cluster IP'], kept('pod-1')),
      ...rows(['internet'], NODE_PORTS, masqueraded('pod-1')),
    ],
  },
  {
    name: 'source ranges come',
    number: 79,
    spec: { loadBalancerSourceRanges: ['192.0.2.0/24', '2001:db8:99::/64'] },
    slices: [ALL_PODS],
    rows: [
      ...rows(['internet', 'client-1'], BALANCERS, 'lost'),
      ...rows(['internet'], NODE_PORTS, masqueraded(...ALL_PODS)),
    ],
  },
  {
    name: 'affinity comes',
    number: 80,
    families: ['IPv4'],
    spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } } },
    slices: [ALL_PODS],
    rows: rows(['client-1', 'client-2'], ['cluster IP'], kept(...ALL_PODS), { staysFor: 15 }),
  },
  {
    name: 'hints come',
    number: 81,
    slices: [
      [
        { pod: 'pod-1', hints: { forZones: [{ name: 'zone-1' }] } },
        { pod: 'pod-3', hints: { forZones: [{ name: 'zone-2' }] } },
      ],
    ],
    rows: rows(['client-1'], ['cluster IP'], kept('pod-1')),
  },
  {
    name: 'affinity goes',
    number: 82,
    families: ['IPv4'],
    slices: [ALL_PODS],
    rows: rows(['client-1', 'client-2'], ['cluster IP'], kept(...ALL_PODS)),
  },
];

/** Whose names and addresses another Service may take at once. */
const REUSED: Case = {
  name: 'a cluster IP and node port that another Service had',
  number: 77,
  slices: [['pod-3']],
  rows: [
    ...rows(['client-1', 'client-2'], ['cluster IP'], kept('pod-3')),
    ...rows(['internet'], NODE_PORTS, masqueraded('pod-3')),
  ],
};

const DELETED: Case = {
  name: 'deleted',
  number: 77,
  slices: [],
  rows: [
    ...rows(['client-1', 'node-1'], ['cluster IP'], 'lost'),
    ...rows(['internet'], NODE_PORTS, 'refused'),
    ...rows(['internet'], BALANCERS, 'lost'),
  ],
};

const SECOND_ADDRESSES: Case = {
  name: 'nodeport-addresses: the second ones',
  number: 91,
  slices: [ALL_PODS],
  rows: [
    ...rows(
      ['internet', 'client-1'],
      ['second address of node-1', 'second address of node-2'],
      masqueraded(...ALL_PODS),
    ),
    ...rows(['internet', 'client-1'], NODE_PORTS, 'refused'),
    ...rows(['internet'], BALANCERS, masqueraded(...ALL_PODS)),
  ],
};

const MASQUERADED: Case = {
  name: 'masquerade-all',
  number: 92,
  slices: [ALL_PODS],
  rows: rows(['client-1', 'client-2', 'internet'], ['cluster IP'], masqueraded(...ALL_PODS)),
};

/** However local pods are told, theirs are the addresses that are kept, and the short cut is theirs. */
const detected = (name: string, number: number): Case[] => [
  {
    name,
    number,
    slices: [ALL_PODS],
    rows: [
      ...rows(['client-1', 'client-2'], ['cluster IP'], kept(...ALL_PODS)),
      ...rows(['node-1', 'internet'], ['cluster IP'], masqueraded(...ALL_PODS)),
    ],
  },
  {
    name: `${name}, policy Local`,
    number: number + 1,
    spec: { externalTrafficPolicy: 'Local' },
    slices: [['pod-3']],
    rows: [
      ...rows(['client-1'], BALANCERS, kept('pod-3')),
      ...rows(['internet'], ['load balancer via node-1'], 'lost'),
    ],
  },
];

const BOTH_SECOND = '192.168.2.0/24,fd00:192:168:2::/64';

export const STAGES: readonly Stage[] = [
  { name: 'as they are', cases: [...CASES, ...BEFORE] },
  { name: 'changed', gone: [77], cases: [...AFTER, DELETED] },
  { name: 'made again', cases: [REUSED] },
  {
    name: 'nodeport-addresses and masquerade-all',
    flags: { 'nodeport-addresses': BOTH_SECOND, 'masquerade-all': 'true' },
    cases: [SECOND_ADDRESSES, MASQUERADED],
  },
  {
    name: 'local pods by the bridge',
    flags: { 'detect-local-mode': 'BridgeInterface', 'pod-bridge-interface': 'cni0' },
    cases: detected('BridgeInterface', 93),
  },
  {
    name: 'local pods by interface names',
    flags: { 'detect-local-mode': 'InterfaceNamePrefix', 'pod-interface-name-prefix': 'cni' },
    cases: detected('InterfaceNamePrefix', 93),
  },
  {
    name: 'local pods by the node’s own CIDR',
    flags: { 'detect-local-mode': 'NodeCIDR' },
    cases: detected('NodeCIDR', 93),
  },
  { name: 'affinity over IPv6', flags: {}, cases: affinity('IPv6', 95) },
  { name: 'the first flags again', gone: [95, 96], flags: {}, cases: detected('ClusterCIDR', 93) },
];
