// Which conntrack entries go: those that the real kube-proxy deleted, as recorded, and those that its users miss.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../api/object.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { ConntrackCase, ConntrackStep, RecordedFlow, Tables } from './proxy-conntrack.script.ts';

const FOLDER = new URL('../golden/proxy/conntrack/', import.meta.url);

interface RecordedCase extends Omit<ConntrackCase, 'nodeName'> {
  config: { nodeName: string };
  steps: (ConntrackStep & { about: string; after: RecordedFlow[] })[];
}

/** Steps after which we forget more than upstream, and why. */
const BEYOND: Readonly<Record<string, string>> = {
  'udp-terminating-then-none 3': 'the last endpoint is gone: what still leads to it reaches no one',
};

const textOf = ({ protocol, original, reply }: RecordedFlow): string =>
  `${protocol} ${original.src}:${original.sport} ${original.dst}:${original.dport} ${reply.src}:${reply.sport}`;
/** The recorded table also holds kube-proxy's own connection to its API server. */
const isOfCase = ({ original }: RecordedFlow): boolean => original.dport !== 6443 && original.sport !== 6443;

let script: Script;
beforeAll(async () => {
  script = await namespaceScript('test/recordings/proxy-conntrack.script.ts');
});
afterAll(() => script?.remove());

describe('flows that the real kube-proxy forgets', () => {
  const files = readdirSync(FOLDER).sort();
  it('has cases', () => expect(files.length).toBeGreaterThan(3));

  it.each(files)('%s', async (file) => {
    const { config, ...recorded } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as RecordedCase;
    const before = recorded.before.filter(isOfCase);
    const tables = await script.run<Tables>({ ...recorded, before, nodeName: config.nodeName });
    for (const [at, { about, after }] of recorded.steps.entries()) {
      const expected = after.filter(isOfCase).map(textOf).sort();
      if (BEYOND[`${file.replace('.json', '')} ${at}`]) expect(tables[at].length).toBeLessThan(expected.length);
      else expect(tables[at], about).toEqual(expected);
    }
  });
});

const CLIENT = '10.244.9.100';
const CLUSTER_IP = '10.96.7.7';
const NODE = '192.168.1.10';

const service = (protocol: string, nodePort?: number): KubeObject =>
  ({
    kind: 'Service',
    metadata: { name: 'game', namespace: 'default' },
    spec: { clusterIP: CLUSTER_IP, clusterIPs: [CLUSTER_IP], ports: [{ port: 53, protocol, nodePort }] },
  }) as KubeObject;
const slice = (protocol: string, ...ips: string[]): KubeObject =>
  ({
    kind: 'EndpointSlice',
    metadata: { name: 'game-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'game' } },
    addressType: 'IPv4',
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: '', port: 5353, protocol }],
  }) as KubeObject;
const deleted = [{ kind: 'Service', namespace: 'default', name: 'game' }];

let sport = 40_000;
const flow = (protocol: string, dst: string, dport: number, answers: string, answersPort = 5353): RecordedFlow => {
  sport += 1;
  return {
    protocol,
    original: { src: CLIENT, dst, sport, dport },
    reply: { src: answers, dst: CLIENT, sport: answersPort, dport: sport },
    replied: true,
  };
};

interface OwnCase {
  what: string;
  objects: KubeObject[];
  step: ConntrackStep;
  goes: RecordedFlow[];
  stays: RecordedFlow[];
}

const CASES: OwnCase[] = [
  {
    what: 'of a deleted Service, and of no one else',
    objects: [service('UDP', 30053), slice('UDP', '10.244.1.5')],
    step: { delete: deleted },
    goes: [flow('udp', CLUSTER_IP, 53, '10.244.1.5'), flow('udp', NODE, 30053, '10.244.1.5')],
    stays: [
      flow('udp', '198.51.100.7', 30053, '198.51.100.7', 30053),
      flow('udp', CLUSTER_IP, 54, '10.244.1.5'),
      flow('tcp', CLUSTER_IP, 53, '10.244.1.5'),
      flow('udp', '10.244.1.5', 5353, '10.244.1.5'),
    ],
  },
  {
    what: 'that began before the Service was there, though its slice was',
    objects: [slice('UDP', '10.244.1.5')],
    step: { apply: [service('UDP', 30053)] },
    goes: [flow('udp', CLUSTER_IP, 53, CLUSTER_IP, 53), flow('udp', NODE, 30053, NODE, 30053)],
    stays: [flow('udp', CLUSTER_IP, 53, '10.244.1.5'), flow('udp', CLUSTER_IP, 54, CLUSTER_IP, 54)],
  },
  {
    what: 'of SCTP to an endpoint that is gone',
    objects: [service('SCTP'), slice('SCTP', '10.244.1.5', '10.244.1.6')],
    step: { apply: [slice('SCTP', '10.244.1.6')] },
    goes: [flow('sctp', CLUSTER_IP, 53, '10.244.1.5')],
    stays: [flow('sctp', CLUSTER_IP, 53, '10.244.1.6'), flow('sctp', CLUSTER_IP, 54, '10.244.1.5')],
  },
  {
    what: 'of a node port that changed',
    objects: [service('UDP', 30053), slice('UDP', '10.244.1.5')],
    step: { apply: [service('UDP', 30054)] },
    goes: [flow('udp', NODE, 30053, '10.244.1.5')],
    stays: [flow('udp', CLUSTER_IP, 53, '10.244.1.5'), flow('udp', NODE, 30054, '10.244.1.5')],
  },
];

describe('flows that are forgotten besides', () => {
  it.each(CASES)('$what', async ({ objects, step, goes, stays }) => {
    const before = [...goes, ...stays];
    const [table] = await script.run<Tables>({ nodeName: 'node-a', objects, before, steps: [step] });
    expect(table).toEqual(stays.map(textOf).sort());
  });
});
