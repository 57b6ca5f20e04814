// Decisions of the balancer as tables, and its rules in a real kernel. Its packets: test/lab/load-balancer.test.ts.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Node, Service } from '../../api/types/core.v1.ts';
import { systemClock } from '../../host/clock.ts';
import { addressesFor, listenersOf, targetsOf } from './listeners.ts';
import { NodeHealth } from './node-health.ts';
import { balancerRules } from './rules.ts';

const service = (name: string, spec: Service['spec'], ip?: string): Service => ({
  metadata: { name, namespace: 'default' },
  spec: { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30080 }], ...spec },
  status: { loadBalancer: ip ? { ingress: [{ ip }] } : {} },
});
const node = (addresses: string, ready: string, labels = {}): Node => ({
  metadata: { name: addresses, labels },
  status: {
    conditions: [{ type: 'Ready', status: ready }],
    addresses: addresses.split(',').map((address) => ({ type: 'InternalIP', address })),
  },
});

/** The rules as the kernel has them after they were applied twice. */
function inKernel(rules: string): string {
  const script = `printf '%s' "$0" > /tmp/rules && nft -f /tmp/rules && nft -f /tmp/rules && nft list ruleset`;
  const shell = `mount -t tmpfs tmpfs /tmp && ${script}`;
  return execFileSync('unshare', ['-Urnm', 'sh', '-c', shell, rules]).toString();
}

describe('the load balancer', () => {
  it('listens where a Service has an address and a node port', () => {
    const ports = [{ port: 53, protocol: 'UDP' as const, nodePort: 30053 }, { port: 80 }];
    const found = listenersOf([
      service('web', {}, '52.1.2.4'),
      service('pending', {}),
      service('dns', { ports, externalTrafficPolicy: 'Local', healthCheckNodePort: 30999 }, '52.1.2.3'),
      service('was', { type: 'ClusterIP' }, '52.1.2.5'),
    ]);
    expect(found).toMatchObject([
      { service: 'default/dns', address: '52.1.2.3', protocol: 'udp', port: 53, nodePort: 30053, healthPort: 30999 },
      { service: 'default/web', address: '52.1.2.4', protocol: 'tcp', port: 80, nodePort: 30080, healthPort: 10256 },
    ]);
  });

  it('sends to Ready nodes that do not ask to be left out', () => {
    const excluded = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    const all = [node('192.168.1.11', 'True'), node('192.168.1.10', 'True'), node('192.168.1.12', 'Unknown')];
    expect(targetsOf([...all, node('192.168.1.13', 'True', excluded)])).toEqual([['192.168.1.10'], ['192.168.1.11']]);
  });

  it('sends what came by one address family on by the same', () => {
    const targets = targetsOf([node('192.168.1.11', 'True'), node('192.168.1.10,fd00:192:168:1::10', 'True')]);
    const [v6] = listenersOf([service('a', {}, '2001:db8:52:1:2::3')]);
    const [v4] = listenersOf([service('b', {}, '52.1.2.3')]);
    expect(addressesFor(v4, targets)).toEqual(['192.168.1.10', '192.168.1.11']);
    expect(addressesFor(v6, targets)).toEqual(['fd00:192:168:1::10']);
  });

  it('has rules that the kernel takes, again and again, and that replace the last ones', () => {
    const [sticky] = listenersOf([service('a', { sessionAffinity: 'ClientIP' }, '52.1.2.3')]);
    const [ranged] = listenersOf([
      service('b', { loadBalancerSourceRanges: ['10.0.0.0/8', ' 203.0.113.0/24'] }, '52.1.2.4'),
    ]);
    const [nowhere] = listenersOf([service('c', {}, '52.1.2.5')]);
    const targets = ['192.168.1.10', '192.168.1.11'];
    const routes = [
      { listener: sticky, targets },
      { listener: ranged, targets },
      { listener: nowhere, targets: [] },
    ];
    const said = inKernel(balancerRules(routes, '203.0.113.0/24'));
    expect(said.match(/dnat to/g)).toHaveLength(2);
    expect(said).toContain('jhash ip saddr mod 2');
    expect(said).toContain('ip daddr 52.1.2.4 tcp dport 80 ip saddr != { 10.0.0.0/8, 203.0.113.0/24 } drop');
    expect(said).not.toContain('52.1.2.5');
  });

  it('does the same with IPv6', () => {
    const [plain] = listenersOf([service('a', {}, '2001:db8:52:1:2::3')]);
    const [sticky] = listenersOf([service('b', { sessionAffinity: 'ClientIP' }, '2001:db8:52:1:2::4')]);
    const loadBalancerSourceRanges = ['10.0.0.0/8', '2001:db8::/32'];
    const [ranged] = listenersOf([service('c', { loadBalancerSourceRanges }, '2001:db8:52:1:2::5')]);
    const closed = { ...ranged, address: '2001:db8:52:1:2::6', sourceRanges: ['10.0.0.0/8'] };
    const [other] = listenersOf([service('d', {}, '52.1.2.3')]);
    const targets = ['fd00:192:168:1::10', 'fd00:192:168:1::11'];
    const routes = [plain, sticky, ranged, closed, other].map((listener) => ({ listener, targets }));
    const one = { listener: { ...plain, port: 81 }, targets: targets.slice(0, 1) };
    const said = inKernel(balancerRules([...routes, one], '2001:db8:203:113::/64'));
    expect(said).toContain('tcp dport 81 dnat to [fd00:192:168:1::10]:30080');
    expect(said).toContain('jhash ip6 saddr mod 2');
    expect(said).toContain('ip6 daddr 2001:db8:52:1:2::5 tcp dport 80 ip6 saddr != 2001:db8::/32 drop');
    expect(said).toContain('ip6 daddr 2001:db8:52:1:2::6 tcp dport 80 drop');
    expect(said).not.toContain('52.1.2.3');
  });
});

describe('node health', () => {
  it('follows what a node answers', async () => {
    let status = 200;
    const server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const check = { node: '127.0.0.1', port: (server.address() as AddressInfo).port };
    let changes = 0;
    const health = new NodeHealth(() => changes++);
    expect(health.isHealthy(check)).toBe(false);
    const end = new AbortController();
    const running = health.run(() => [check], systemClock, end.signal);
    await expect.poll(() => health.isHealthy(check)).toBe(true);
    status = 503;
    await expect.poll(() => health.isHealthy(check), { timeout: 5_000 }).toBe(false);
    expect(changes).toBe(2);
    end.abort();
    await running;
    server.close();
  });
});
