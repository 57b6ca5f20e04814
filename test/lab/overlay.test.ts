// `lab up --pod-network vxlan`: what travels between the nodes, counted where their links meet, also as nodes come and go. With
// kube-proxy's other mode and both address families: dual-stack.test.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, TestLab } from '../harness/lab.ts';

const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

/**
 * Counters at node-1's link, in words of nft. Behind the outer UDP header (8 bytes) come VXLAN's (8), the inner Ethernet's (14) and
 * the inner IP header, whose addresses are its bytes 12 to 19: of pods of node-1 and node-2.
 */
const WATCH = `
table netdev watch {
  counter overlay {}
  counter bare {}
  chain sent {
    type filter hook ingress device "node-1" priority 0;
    ip saddr 192.168.1.10 ip daddr 192.168.1.11 udp dport 4789 @th,336,24 0x0af401 @th,368,24 0x0af402 counter name overlay
    ip daddr 10.244.0.0/16 counter name bare
    ip saddr 10.244.0.0/16 counter name bare
  }
}`;

describe.skipIf(noKubectl)('an overlay (needs kubectl)', () => {
  let lab: TestLab;
  const jsonpath = (what: string, path: string): Promise<string> =>
    lab.kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);
  const at = async (place: string, ...command: string[]): Promise<string> => (await lab.exec(place, ...command)).stdout;
  const packets = async (counter: 'overlay' | 'bare'): Promise<number> => {
    const said = await at('wire', 'nft', 'list', 'counter', 'netdev', 'watch', counter);
    return Number(/packets (\d+)/.exec(said)![1]);
  };

  beforeAll(async () => {
    lab = new TestLab();
    await lab.vitrine('lab', 'up', '--detach', '--nodes=2', '--pod-network=vxlan');
    for (const node of ['node-1', 'node-2']) {
      const overrides = JSON.stringify({ spec: { nodeName: node } });
      await lab.kubectl('run', `on-${node}`, '--image=echo', '--labels=app=echo', `--overrides=${overrides}`);
    }
    await lab.kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=echo', '--timeout=30s');
    await lab.exec('wire', 'nft', WATCH);
  });
  afterAll(() => lab?.remove());

  it('carries pods’ packets inside the nodes’, their own addresses unchanged', { timeout: 60_000 }, async () => {
    const [first, second] = (await jsonpath('pods -l app=echo', '{.items[*].status.podIP}')).split(' ');
    expect(await at('pod/on-node-1', 'curl', '-s', '-m', '3', `http://${second}:8080`)).toContain(`client: ${first}:`);
    expect(await packets('overlay')).toBeGreaterThan(4);
    expect(await packets('bare')).toBe(0);
  });

  it('gives pods room for the outer headers', async () => {
    expect(await at('pod/on-node-1', 'ip', 'link', 'show', 'eth0')).toContain(' mtu 1450 ');
  });

  it('serves a Service’s far pods, from a pod and from outside', { timeout: 60_000 }, async () => {
    await lab.kubectl('create', 'service', 'nodeport', 'far', '--tcp=80:8080');
    await lab.kubectl('label', 'pod', 'on-node-2', '--overwrite', 'app=far');
    const [clusterIP, port] = (await jsonpath('service far', '{.spec.clusterIP} {.spec.ports[0].nodePort}')).split(' ');
    const ask = (place: string, url: string) => (): Promise<string> => at(place, 'curl', '-s', '-m', '2', url);
    const isFar = (text: string): boolean => text.includes('node: node-2');
    await eventually(ask('pod/on-node-1', `http://${clusterIP}`), isFar);
    await eventually(ask('internet', `http://192.168.1.10:${port}`), isFar);
    expect(await packets('bare')).toBe(0);
  });

  it('grows and shrinks with the nodes', { timeout: 90_000 }, async () => {
    const before = [await routes(), await at('node-1', 'bridge', 'fdb', 'show', 'dev', 'vxlan0')];
    await lab.vitrine('lab', 'add');
    await eventually(routes, (text) => text.includes('10.244.3.0/24 via 10.244.3.0 dev vxlan0 onlink'), 30_000);
    await eventually(
      () => at('node-1', 'busybox', 'ping', '-c1', '-W1', '10.244.3.1'),
      (said) => said.includes(' 0% packet loss'),
      20_000,
    );
    await lab.vitrine('lab', 'remove', 'node-3');
    const now = async (): Promise<string[]> => [
      await routes(),
      await at('node-1', 'bridge', 'fdb', 'show', 'dev', 'vxlan0'),
    ];
    expect(await eventually(now, (state) => state.join() === before.join(), 10_000)).toEqual(before);
  });

  const routes = (): Promise<string> => at('node-1', 'ip', 'route');
});
