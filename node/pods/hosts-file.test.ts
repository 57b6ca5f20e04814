import { describe, expect, it } from 'vitest';
import type { PodSpec } from '../../api/types/core.v1.ts';
import { hostsFile, podHostname } from './hosts-file.ts';

const pod = (spec: Partial<PodSpec>, name = 'web-1') => ({
  metadata: { name, namespace: 'shop' },
  spec: { containers: [], ...spec },
});

it.each<[Partial<PodSpec>, string, string]>([
  [{}, 'web-1', ''],
  [{ hostname: 'db' }, 'db', ''],
  [{ hostname: 'db', subdomain: 'all' }, 'db', 'all.shop.svc.cluster.local'],
  [{ subdomain: 'all', setHostnameAsFQDN: true }, 'web-1.all.shop.svc.cluster.local', 'all.shop.svc.cluster.local'],
  [{ setHostnameAsFQDN: true }, 'web-1', ''],
  [{ hostnameOverride: 'other', hostname: 'db', subdomain: 'all' }, 'other', ''],
])('%j is called %s in %s', (spec, hostname, domain) => {
  expect(podHostname(pod(spec), 'cluster.local')).toEqual({ hostname, domain });
});

it('is cut to 63 characters, and never ends in a dash', () => {
  expect(podHostname(pod({}, `${'a'.repeat(62)}-b`), 'cluster.local').hostname).toBe('a'.repeat(62));
});

it('refuses a whole name that is too long', () => {
  const spec = { hostname: 'a'.repeat(50), subdomain: 'all', setHostnameAsFQDN: true };
  expect(() => podHostname(pod(spec), 'cluster.local')).toThrow('(64 characters is the max, 77 characters requested)');
});

describe('/etc/hosts', () => {
  const text = (spec: Partial<PodSpec>): string =>
    hostsFile(pod(spec), podHostname(pod(spec), 'cluster.local'), {
      podIPs: ['10.244.1.2'],
      nodeHosts: '127.0.0.1 box\n',
    });

  it('ends with the pod, its subdomain and its aliases', () => {
    const aliases = [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }];
    expect(text({ subdomain: 'all', hostAliases: aliases })).toMatch(
      /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n(?:.*\n)*10\.244\.1\.2\tweb-1\.all\.shop\.svc\.cluster\.local\tweb-1\n\n# Entries added by HostAliases\.\n1\.2\.3\.4\ta\tb\n$/,
    );
  });

  it("is the node's own on the node's network", () => {
    expect(text({ hostNetwork: true })).toBe('# Kubernetes-managed hosts file (host network).\n127.0.0.1 box\n');
  });
});
