import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import { ConfigError, type PodFacts, podField, resourceField } from './downward-api.ts';
import { containerEnvironment, expand } from './environment.ts';
import { serviceEnvironment } from './service-environment.ts';

it.each([
  ['$(A)-$(B)', 'one-two'],
  ['$(UNKNOWN)', '$(UNKNOWN)'],
  ['$$(A)', '$(A)'],
  ['$(A', '$(A'],
  ['$$$(A)', '$one'],
  ['$(toString)', '$(toString)'],
])('%s → %s', (text, expected) => {
  expect(expand(text, { A: 'one', B: 'two' })).toBe(expected);
});

const facts: PodFacts = {
  podIPs: ['10.244.1.2', 'fd00:10:244:1::2'],
  hostIPs: ['192.168.1.10'],
  allocatable: { cpu: '2', memory: '1048576Ki' },
};
const pod: Pod = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u',
    labels: { app: 'web', tier: 'a "b"' },
    annotations: { 'a/b': 'c' },
  },
  spec: { nodeName: 'node-1', containers: [] },
};

describe('fields of the pod', () => {
  it.each([
    ['metadata.name', 'web'],
    ['metadata.namespace', 'shop'],
    ['metadata.labels', 'app="web"\ntier="a \\"b\\""'],
    ["metadata.labels['app']", 'web'],
    ["metadata.annotations['a/b']", 'c'],
    ["metadata.labels['absent']", ''],
    ['spec.nodeName', 'node-1'],
    ['spec.serviceAccountName', 'default'],
    ['status.podIP', '10.244.1.2'],
    ['status.podIPs', '10.244.1.2,fd00:10:244:1::2'],
    ['status.hostIP', '192.168.1.10'],
  ])('%s is %s', (path, value) => {
    expect(podField(pod, path, facts)).toBe(value);
  });

  it('refuses what the downward API does not have', () => {
    expect(() => podField(pod, 'spec.containers', facts)).toThrow(ConfigError);
  });
});

describe("resources of a pod's container", () => {
  const own: Container = {
    name: 'c',
    resources: { limits: { cpu: '1250m' }, requests: { cpu: '250m', memory: '33Mi' } },
  };
  const bare: Container = { name: 'bare' };
  const withBoth: Pod = { ...pod, spec: { containers: [own, bare] } };

  it.each([
    [{ resource: 'limits.cpu' }, '2'],
    [{ resource: 'limits.cpu', divisor: '1m' }, '1250'],
    [{ resource: 'limits.cpu', divisor: '0' }, '2'],
    [{ resource: 'requests.memory', divisor: '1Mi' }, '33'],
    [{ resource: 'limits.memory', divisor: '1Mi' }, '1024'],
    [{ resource: 'limits.cpu', containerName: 'bare' }, '2'],
    [{ resource: 'requests.cpu', containerName: 'bare' }, '0'],
  ])('%j is %s', (reference, value) => {
    expect(resourceField(withBoth, reference, own, facts)).toBe(value);
  });

  it.each([{ resource: 'limits' }, { resource: 'limits.cpu', containerName: 'none' }])('refuses %j', (reference) => {
    expect(() => resourceField(withBoth, reference, own, facts)).toThrow(ConfigError);
  });
});

describe("a container's environment", () => {
  const objects: Record<string, unknown> = {
    'configmaps/settings': { data: { color: 'blue', 'b=d': 'x' } },
    'secrets/keys': { data: { key: Buffer.from('s3cret').toString('base64') } },
  };
  const client = {
    async get({ plural }: { plural: string }, { name }: { name: string }) {
      const found = objects[`${plural}/${name}`];
      if (!found) throw Object.assign(new Error('not found'), { name: 'StatusError', reason: 'NotFound', code: 404 });
      return found;
    },
  } as unknown as Client;
  const skipped: string[] = [];
  const of = (container: Partial<Container>, services = {}): Promise<Record<string, string>> =>
    containerEnvironment({
      client,
      pod,
      container: { name: 'c', ...container },
      facts,
      services,
      skipped: (names, what) => skipped.push(`${names} of ${what}`),
    });

  it('is made of sources, then variables, which see what came before; own ones win over services', async () => {
    const env = await of(
      {
        envFrom: [{ prefix: 'P_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'keys' } }],
        env: [
          { name: 'A', value: '$(P_color)-$(key)-$(WEB_PORT)' },
          { name: 'B', value: '$(A)!' },
          { name: 'WEB_HOST', value: 'mine' },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
          { name: 'D', valueFrom: { secretKeyRef: { name: 'keys', key: 'none', optional: true } } },
          { name: 'E', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        ],
      },
      { WEB_PORT: '80', WEB_HOST: 'theirs' },
    );
    expect(env).toMatchObject({ A: 'blue-s3cret-80', B: 'blue-s3cret-80!', WEB_HOST: 'mine', C: 'blue', E: 'web' });
    expect(env).not.toHaveProperty('D');
    expect(env).not.toHaveProperty('P_b=d');
    expect(skipped).toEqual(['P_b=d of configMap shop/settings']);
  });

  it.each([
    [{ configMapKeyRef: { name: 'settings', key: 'none' } }, "couldn't find key none in ConfigMap shop/settings"],
    [{ secretKeyRef: { name: 'keys', key: 'none' } }, "couldn't find key none in Secret shop/keys"],
  ])('cannot be made of %j', async (valueFrom, message) => {
    await expect(of({ env: [{ name: 'A', valueFrom }] })).rejects.toThrow(new ConfigError(message));
  });
});

describe('the environment of Services', () => {
  const service = (name: string, namespace: string, spec: object) => ({ metadata: { name, namespace }, spec });
  const services = [
    service('kubernetes', 'default', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] }),
    service('my-web', 'shop', {
      clusterIP: '10.96.0.5',
      ports: [{ port: 80 }, { name: 'dns-udp', port: 53, protocol: 'UDP' }],
    }),
    service('headless', 'shop', { clusterIP: 'None', ports: [{ port: 80 }] }),
    service('other', 'elsewhere', { clusterIP: '10.96.0.7', ports: [{ port: 80 }] }),
  ];

  it("tells of the namespace's own and of the API server", () => {
    const env = serviceEnvironment(services, { namespace: 'shop', enableServiceLinks: true });
    expect(env).toEqual({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.1',
      MY_WEB_SERVICE_HOST: '10.96.0.5',
      MY_WEB_SERVICE_PORT: '80',
      MY_WEB_SERVICE_PORT_DNS_UDP: '53',
      MY_WEB_PORT: 'tcp://10.96.0.5:80',
      MY_WEB_PORT_80_TCP: 'tcp://10.96.0.5:80',
      MY_WEB_PORT_80_TCP_PROTO: 'tcp',
      MY_WEB_PORT_80_TCP_PORT: '80',
      MY_WEB_PORT_80_TCP_ADDR: '10.96.0.5',
      MY_WEB_PORT_53_UDP: 'udp://10.96.0.5:53',
      MY_WEB_PORT_53_UDP_PROTO: 'udp',
      MY_WEB_PORT_53_UDP_PORT: '53',
      MY_WEB_PORT_53_UDP_ADDR: '10.96.0.5',
    });
  });

  it('tells of the API server alone when the pod wants no links', () => {
    const env = serviceEnvironment(services, { namespace: 'shop', enableServiceLinks: false });
    expect(Object.keys(env).every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
  });
});
