// The table: what every kube-proxy must do with packets, feature by feature (kubernetes.io, "Virtual IPs and Service Proxies"; v1.36).
import type { IPFamily } from '../../proxy/plan.ts';
import type { EndpointSpec, Target } from './objects.ts';
import { type Case, kept, masqueraded, type Row, rows } from './table.ts';
import { ALL_PODS, type Place, type ServerPod } from './topology.ts';

const CLIENT_PODS: readonly Place[] = ['client-1', 'client-2'];
const NODES: readonly Place[] = ['node-1', 'node-2'];
const CLUSTER: readonly Place[] = [...CLIENT_PODS, ...NODES];
const EVERYONE: readonly Place[] = [...CLUSTER, 'internet'];

const NODE_PORTS: readonly Target[] = ['node port of node-1', 'node port of node-2'];
const EXTERNAL_IPS: readonly Target[] = ['external IP via node-1', 'external IP via node-2'];
const BALANCERS: readonly Target[] = ['load balancer via node-1', 'load balancer via node-2'];
const VIA_1: readonly Target[] = ['node port of node-1', 'external IP via node-1', 'load balancer via node-1'];
const VIA_2: readonly Target[] = ['node port of node-2', 'external IP via node-2', 'load balancer via node-2'];
const OUTSIDE: readonly Target[] = [...NODE_PORTS, ...EXTERNAL_IPS, ...BALANCERS];

const LOCAL = { externalTrafficPolicy: 'Local' } as const;

const inState = (pod: ServerPod, ready: boolean, serving: boolean, terminating: boolean): EndpointSpec => ({
  pod,
  conditions: { ready, serving, terminating },
});
const draining = (pod: ServerPod): EndpointSpec => inState(pod, false, true, true);
const dying = (pod: ServerPod): EndpointSpec => inState(pod, false, false, true);

/** Policy Cluster: a pod's address is kept to the cluster IP, everything else looks as if it came from the node. */
function everything(by: readonly ServerPod[], more: Partial<Row> = {}): Row[] {
  return [
    ...rows(CLIENT_PODS, ['cluster IP'], kept(...by), more),
    ...rows([...NODES, 'internet'], ['cluster IP'], masqueraded(...by), more),
    ...rows(EVERYONE, OUTSIDE, masqueraded(...by), more),
  ];
}

/** Without endpoints. What a node sends to an address that is not its own is refused by the node it comes to, or by itself. */
function nothing(more: Partial<Row> = {}): Row[] {
  return [
    ...rows(EVERYONE, ['cluster IP', ...NODE_PORTS], 'refused', more),
    ...rows([...CLIENT_PODS, 'internet'], [...EXTERNAL_IPS, ...BALANCERS], 'refused', more),
    ...rows(['node-1'], ['external IP via node-2', 'load balancer via node-2'], 'refused', more),
    ...rows(['node-2'], ['external IP via node-1', 'load balancer via node-1'], 'refused', more),
  ];
}

const BASICS: readonly Case[] = [
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

const WITHOUT_ENDPOINTS: readonly Case[] = [
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

const STATES: readonly Case[] = [
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

const POLICIES: readonly Case[] = [
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

const FENCES: readonly Case[] = [
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

const STAYS = { staysFor: 15 };
const STICKY = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 30 } } } as const;

/** One family each: a stage of its own tells of IPv6. `number` and the next one are theirs. */
export function affinity(family: IPFamily, number: number): Case[] {
  return [
    {
      name: 'session affinity',
      number,
      families: [family],
      spec: STICKY,
      slices: [ALL_PODS],
      rows: [
        ...rows(CLIENT_PODS, ['cluster IP'], kept(...ALL_PODS), STAYS),
        ...rows(NODES, ['cluster IP'], masqueraded(...ALL_PODS), STAYS),
        ...rows(['internet'], [...VIA_1, ...VIA_2], masqueraded(...ALL_PODS), STAYS),
        ...rows(CLIENT_PODS, ['cluster IP'], kept(...ALL_PODS), { ...STAYS, protocol: 'UDP' }),
      ],
    },
    {
      name: 'session affinity, policy Local',
      number: number + 1,
      families: [family],
      spec: { ...STICKY, ...LOCAL },
      slices: [['pod-1', 'pod-2']],
      rows: [
        ...rows(['internet'], VIA_1, kept('pod-1', 'pod-2'), STAYS),
        ...rows(['internet'], VIA_2, 'lost'),
        ...rows(CLIENT_PODS, BALANCERS, kept('pod-1', 'pod-2'), STAYS),
      ],
    },
  ];
}

const OTHERS: readonly Case[] = [
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

export const CASES: readonly Case[] = [
  ...BASICS,
  ...WITHOUT_ENDPOINTS,
  ...STATES,
  ...POLICIES,
  ...FENCES,
  ...affinity('IPv4', 51),
  ...OTHERS,
];
