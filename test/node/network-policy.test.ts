// NetworkPolicies with real packets: every ordered pair of nine pods in three namespaces, TCP and UDP, two ports, under twenty sets
// of policies in turn, must reach each other exactly as a model says that was written from the API's documentation alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Namespace, Pod } from '../../api/types/core.v1.ts';
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from '../../api/types/networking.v1.ts';
import { namespaceScript, type Script } from '../network.ts';

const PORTS = [80, 8081];
const NAMESPACES = ['x', 'y', 'z'];
const NAMES = ['a', 'b', 'c'];

const namespaces: Namespace[] = NAMESPACES.map((name) => ({
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name, team: name === 'z' ? 'other' : 'ours' } },
}));
const pods: Pod[] = NAMESPACES.flatMap((namespace, i) =>
  NAMES.map((name, j) => ({
    metadata: { name, namespace, labels: { pod: name, ...(name === 'c' ? {} : { tier: 'front' }) } },
    spec: {
      nodeName: 'node-1',
      containers: [{ name: 'c', ports: [{ name: 'web', containerPort: name === 'a' ? 80 : 8081 }] }],
    },
    status: { phase: 'Running', podIPs: [{ ip: `10.244.1.${10 + i * 3 + j}` }] },
  })),
);

let count = 0;
const policy = (namespace: string, spec: NetworkPolicySpec): NetworkPolicy => ({
  metadata: { name: `policy-${count++}`, namespace },
  spec,
});
const pod = (name: string): NetworkPolicySpec['podSelector'] => ({ matchLabels: { pod: name } });
const from = (...peers: NetworkPolicyPeer[]): NetworkPolicySpec['ingress'] => [{ from: peers }];
const denyAll: NetworkPolicySpec = { podSelector: {}, policyTypes: ['Ingress'] };

const STEPS: readonly (readonly NetworkPolicy[])[] = [
  [],
  [policy('x', denyAll)],
  [policy('x', { podSelector: {}, policyTypes: ['Egress'] })],
  [policy('x', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })],
  [policy('x', { podSelector: pod('a'), ingress: [{}] })],
  [policy('x', { podSelector: pod('a'), ingress: from({ podSelector: pod('b') }) })],
  [policy('x', { podSelector: pod('a'), ingress: from({ namespaceSelector: { matchLabels: { team: 'ours' } } }) })],
  [policy('x', { podSelector: {}, ingress: from({ namespaceSelector: {}, podSelector: pod('b') }) })],
  [
    policy('x', {
      podSelector: {},
      ingress: from({ namespaceSelector: { matchLabels: { team: 'other' } } }, { podSelector: pod('c') }),
    }),
  ],
  [policy('y', { podSelector: pod('b'), ingress: [{ ports: [{ port: 80 }] }] })],
  [policy('y', { podSelector: pod('b'), ingress: [{ ports: [{ port: 80, endPort: 9000, protocol: 'UDP' }] }] })],
  [policy('y', { podSelector: {}, ingress: [{ ports: [{ port: 'web' }], from: [{ namespaceSelector: {} }] }] })],
  [policy('y', { podSelector: {}, egress: [{ ports: [{ port: 'web' }] }], policyTypes: ['Egress'] })],
  [
    policy('y', {
      podSelector: {},
      egress: [{ to: [{ podSelector: pod('a') }], ports: [{ port: 'web' }, { port: 8081, protocol: 'UDP' }] }],
      policyTypes: ['Egress'],
    }),
  ],
  [
    policy('z', {
      podSelector: {},
      ingress: from({ ipBlock: { cidr: '10.244.1.8/29', except: ['10.244.1.12/32', '10.244.1.14/31'] } }),
    }),
  ],
  [
    policy('z', {
      podSelector: pod('a'),
      egress: [{ to: [{ ipBlock: { cidr: '10.244.0.0/16', except: ['10.244.1.10/32'] } }] }],
      policyTypes: ['Egress'],
    }),
  ],
  [policy('x', denyAll), policy('x', { podSelector: pod('a'), ingress: from({ podSelector: {} }) })],
  [
    policy('x', { podSelector: pod('a'), ingress: from({ podSelector: pod('b') }) }),
    policy('x', { podSelector: pod('a'), ingress: [{ ports: [{ port: 8081 }] }] }),
  ],
  [
    policy('x', {
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [{ to: [{ namespaceSelector: { matchLabels: { team: 'ours' } } }] }],
    }),
    policy('y', {
      podSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      ingress: from({ podSelector: {} }),
    }),
  ],
  [
    policy('z', {
      podSelector: { matchExpressions: [{ key: 'pod', operator: 'In', values: ['a', 'b'] }] },
      ingress: [
        {
          from: [{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['other'] }] } }],
          ports: [{ protocol: 'UDP' }],
        },
      ],
    }),
  ],
  [],
];

// The model: what the documentation of networking.k8s.io/v1 says, said again.

interface Selector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

function selects(selector: Selector, labels: Record<string, string> = {}): boolean {
  const all = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    all &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      if (operator === 'In') return key in labels && values.includes(labels[key]);
      if (operator === 'NotIn') return !(key in labels) || !values.includes(labels[key]);
      return operator === 'Exists' ? key in labels : !(key in labels);
    })
  );
}

const toNumber = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const ipOf = ({ status }: Pod): string => status!.podIPs![0].ip!;
const isIn = (ip: string, cidr: string): boolean => {
  const [base, bits] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  return Math.floor(toNumber(ip) / size) === Math.floor(toNumber(base) / size);
};

function isPeer(peer: NetworkPolicyPeer, other: Pod, policyNamespace: string): boolean {
  if (peer.ipBlock) {
    const { cidr, except = [] } = peer.ipBlock;
    return isIn(ipOf(other), cidr) && !except.some((block) => isIn(ipOf(other), block));
  }
  const space = namespaces.find(({ metadata }) => metadata.name === other.metadata.namespace)!;
  const inSpace = peer.namespaceSelector
    ? selects(peer.namespaceSelector as Selector, space.metadata.labels)
    : other.metadata.namespace === policyNamespace;
  return inSpace && selects((peer.podSelector ?? {}) as Selector, other.metadata.labels);
}

/** A port of the pod that is connected to. */
function isPort(wanted: NetworkPolicyPort, to: Pod, protocol: string, port: number): boolean {
  if ((wanted.protocol ?? 'TCP') !== protocol) return false;
  if (wanted.port === undefined) return true;
  if (typeof wanted.port === 'string') {
    const declared = to.spec!.containers[0].ports!.find(({ name }) => name === wanted.port);
    return protocol === 'TCP' && declared?.containerPort === port;
  }
  return port >= wanted.port && port <= (wanted.endPort ?? wanted.port);
}

function isAllowed(policies: readonly NetworkPolicy[], from: Pod, to: Pod, protocol: string, port: number): boolean {
  const way = (direction: 'Ingress' | 'Egress', subject: Pod, other: Pod): boolean => {
    const isolating = policies.filter(({ metadata, spec }) => {
      const types: string[] = spec!.policyTypes ?? (spec!.egress ? ['Ingress', 'Egress'] : ['Ingress']);
      return (
        metadata.namespace === subject.metadata.namespace &&
        types.includes(direction) &&
        selects((spec!.podSelector ?? {}) as Selector, subject.metadata.labels)
      );
    });
    if (isolating.length === 0) return true;
    return isolating.some(({ metadata, spec }) => {
      const rules =
        direction === 'Ingress'
          ? (spec!.ingress ?? []).map((rule) => ({ peers: rule.from, ports: rule.ports }))
          : (spec!.egress ?? []).map((rule) => ({ peers: rule.to, ports: rule.ports }));
      return rules.some(
        ({ peers, ports }) =>
          (!peers?.length || peers.some((peer) => isPeer(peer, other, metadata.namespace!))) &&
          (!ports?.length || ports.some((one) => isPort(one, to, protocol, port))),
      );
    });
  };
  return ipOf(from) === ipOf(to) || (way('Egress', from, to) && way('Ingress', to, from));
}

describe('NetworkPolicies', () => {
  let script: Script;
  beforeAll(async () => {
    script = await namespaceScript('test/node/network-policy.script.ts');
  });
  afterAll(() => script.remove());

  it('let pass exactly what the model lets pass', { timeout: 90_000 }, async () => {
    const { targets, seen } = await script.run<{ targets: string[]; seen: string[][] }>({
      namespaces,
      pods,
      steps: STEPS,
      ports: PORTS,
    });
    const wrong: string[] = [];
    let dropped = 0;
    for (const [step, policies] of STEPS.entries()) {
      for (const [i, from] of pods.entries()) {
        for (const [j, target] of targets.entries()) {
          const [protocol, ip, port] = target.split('/');
          const to = pods.find((one) => ipOf(one) === ip)!;
          const wanted = isAllowed(policies, from, to, protocol.toUpperCase(), Number(port));
          if (!wanted) dropped += 1;
          if ((seen[step][i][j] === '1') !== wanted)
            wrong.push(
              `step ${step}: ${from.metadata.namespace}/${from.metadata.name} to ${to.metadata.namespace}/${to.metadata.name} ${protocol}/${port} should ${wanted ? '' : 'not '}pass`,
            );
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(dropped).toBeGreaterThan(1000);
  });
});
