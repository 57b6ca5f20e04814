import { expect, it } from 'vitest';
import type { PodSpec } from '../../api/types/core.v1.ts';
import { resolvConf } from './resolv-conf.ts';

const options = { clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', nodeResolvConf: 'nameserver 1.1.1.1\n' };
const cluster =
  'search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n';

it.each<[string, Partial<PodSpec>, string]>([
  ['by default', {}, cluster],
  ['ClusterFirst on the node network', { hostNetwork: true, dnsPolicy: 'ClusterFirst' }, 'nameserver 1.1.1.1\n'],
  ['ClusterFirstWithHostNet', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, cluster],
  ['Default', { dnsPolicy: 'Default' }, 'nameserver 1.1.1.1\n'],
  [
    'None',
    { dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'], searches: ['a.b'] } },
    'search a.b\nnameserver 9.9.9.9\n',
  ],
  [
    'ClusterFirst with additions',
    { dnsConfig: { nameservers: ['9.9.9.9'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } },
    cluster.replace('10.96.0.10\n', '10.96.0.10\nnameserver 9.9.9.9\n').replace('ndots:5', 'ndots:2 edns0'),
  ],
  [
    'Default with additions: one search line of both',
    { dnsPolicy: 'Default', dnsConfig: { nameservers: ['1.1.1.1', '9.9.9.9'], searches: ['a.b'] } },
    'search a.b\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n',
  ],
  [
    'no more servers than resolvers take',
    { dnsConfig: { nameservers: ['9.9.9.1', '9.9.9.2', '9.9.9.3'] } },
    cluster.replace('10.96.0.10\n', '10.96.0.10\nnameserver 9.9.9.1\nnameserver 9.9.9.2\n'),
  ],
])('%s', (_name, spec, expected) => {
  const pod = { metadata: { name: 'web', namespace: 'shop' }, spec: { containers: [], ...spec } };
  expect(resolvConf(pod, options)).toBe(expected);
});

it("reads the node's own file as resolvers do", () => {
  const nodeResolvConf =
    '# made\ndomain old.example\nsearch corp.example example ; both\nnameserver 1.1.1.1\noptions ndots:1 rotate\n';
  const spec = {
    containers: [],
    dnsPolicy: 'Default' as const,
    dnsConfig: { options: [{ name: 'ndots', value: '3' }] },
  };
  expect(resolvConf({ metadata: { name: 'web' }, spec }, { ...options, nodeResolvConf })).toBe(
    'search corp.example example\nnameserver 1.1.1.1\noptions ndots:3 rotate\n',
  );
});
