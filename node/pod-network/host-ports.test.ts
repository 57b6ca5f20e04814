import { expect, it } from 'vitest';
import { HostPorts, hostPortsOf, renderHostPorts } from './host-ports.ts';

const pod = {
  metadata: { name: 'web' },
  spec: {
    containers: [
      {
        name: 'c',
        ports: [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 53, hostPort: 53, protocol: 'UDP' as const, hostIP: '192.168.1.10' },
          { containerPort: 9090 },
        ],
      },
    ],
  },
};

it("are those of a pod's containers that ask for one", () => {
  expect(hostPortsOf(pod, ['10.244.1.2'])).toEqual([
    { hostPort: 8080, containerPort: 80, protocol: 'tcp', podIP: '10.244.1.2' },
    { hostPort: 53, containerPort: 53, protocol: 'udp', podIP: '10.244.1.2', hostIP: '192.168.1.10' },
  ]);
  expect(hostPortsOf({ ...pod, spec: { ...pod.spec, hostNetwork: true } }, ['10.244.1.2'])).toEqual([]);
});

it('become rules for any address, or for one', () => {
  const text = renderHostPorts(hostPortsOf(pod, ['10.244.1.2']));
  expect(text).toContain('    fib daddr type local tcp dport 8080 dnat to 10.244.1.2:80\n');
  expect(text).toContain('    ip daddr 192.168.1.10 udp dport 53 dnat to 10.244.1.2:53\n');
});

it('lead to the pod’s address of the family they are asked by', () => {
  const ports = hostPortsOf(pod, ['10.244.1.2', 'fd00:10:244:1::2']);
  expect(ports.map(({ hostPort, podIP }) => [hostPort, podIP])).toEqual([
    [8080, '10.244.1.2'],
    [8080, 'fd00:10:244:1::2'],
    [53, '10.244.1.2'],
  ]);
  const text = renderHostPorts(ports);
  expect(text.split('add table ip6 ')[1]).toContain('tcp dport 8080 dnat to [fd00:10:244:1::2]:80\n');
  expect(() => renderHostPorts([{ ...ports[1], hostIP: '192.168.1.10' }])).toThrow('not a host port');
});

it('never reach nft when they are no ports or addresses', () => {
  const good = { hostPort: 1, containerPort: 1, protocol: 'tcp' as const, podIP: '10.0.0.1' };
  expect(() => renderHostPorts([{ ...good, hostIP: '1.2.3.4; drop' }])).toThrow('not a host port');
  expect(() => renderHostPorts([{ ...good, containerPort: 70_000 }])).toThrow('not a host port');
});

it('are written only when something changes, and go with the last pod', async () => {
  const said: string[] = [];
  const ports = new HostPorts(async (_argv, { input } = {}) => {
    said.push(`${input}`);
    return '';
  });
  await ports.set('a', []);
  await ports.set('a', hostPortsOf(pod, ['10.244.1.2']));
  await ports.set('a', hostPortsOf(pod, ['10.244.1.2']));
  await ports.set('a', []);
  expect(said.map((text) => text.includes('dnat'))).toEqual([true, false]);
});
