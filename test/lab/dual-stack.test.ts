// `lab up --ip-families dual`: nodes, pods and Services with addresses of both families, and packets of both; through an overlay, and
// with nftables. With the other choices: overlay.test.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, TestLab } from '../harness/lab.ts';

const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'both' },
  spec: {
    type: 'NodePort',
    ipFamilyPolicy: 'RequireDualStack',
    selector: { app: 'echo' },
    ports: [{ port: 80, targetPort: 8080 }],
  },
};
const NOBODY = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'nobody' },
  spec: { podSelector: { matchLabels: { app: 'echo' } }, policyTypes: ['Ingress'] },
};
/** What comes to the outside client from a pod's own address, and from its node's. */
const WATCH = `
table ip6 watch {
  counter pods {}
  counter nodes {}
  chain seen {
    type filter hook prerouting priority 0;
    ip6 saddr fd00:10:244::/56 counter name pods
    ip6 saddr fd00:192:168:1::10 counter name nodes
  }
}`;

describe.skipIf(noKubectl)('a lab with both address families (needs kubectl)', () => {
  let lab: TestLab;
  const jsonpath = (what: string, path: string): Promise<string> =>
    lab.kubectl('get', ...what.split(' '), '-o', `jsonpath=${path}`);
  const apply = (object: { metadata: { name: string } }): Promise<string> => {
    const file = join(lab.directory, `${object.metadata.name}.json`);
    writeFileSync(file, JSON.stringify(object));
    return lab.kubectl('apply', '-f', file);
  };
  /** The name of the node whose pod answers; '' when nobody does. */
  const ask = async (place: string, url: string): Promise<string> => {
    const { stdout } = await lab.exec(place, 'curl', '-s', '-m', '2', url);
    return /^node: (.*)$/m.exec(stdout)?.[1] ?? '';
  };

  beforeAll(async () => {
    lab = new TestLab();
    const flags = ['--nodes=2', '--ip-families=dual', '--pod-network=vxlan', '--proxy-mode=nftables'];
    await lab.vitrine('lab', 'up', '--detach', ...flags);
    for (const node of ['node-1', 'node-2']) {
      const overrides = JSON.stringify({ spec: { nodeName: node } });
      await lab.kubectl('run', `on-${node}`, '--image=echo', '--labels=app=echo', `--overrides=${overrides}`);
    }
    await lab.kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=echo', '--timeout=30s');
    await apply(SERVICE);
  });
  afterAll(() => lab?.remove());

  it('gives nodes, pods and Services two addresses each', async () => {
    expect(await jsonpath('node node-2', '{.status.addresses[?(@.type=="InternalIP")].address} {.spec.podCIDRs}')).toBe(
      '192.168.1.11 fd00:192:168:1::11 ["10.244.2.0/24","fd00:10:244:2::/64"]',
    );
    expect(await jsonpath('pod on-node-2', '{.status.podIPs[*].ip} {.status.hostIPs[*].ip}')).toMatch(
      /^10\.244\.2\.\d+ fd00:10:244:2::\w+ 192\.168\.1\.11 fd00:192:168:1::11$/,
    );
    expect(await jsonpath('service both', '{.spec.ipFamilies} {.spec.clusterIPs}')).toMatch(
      /^\["IPv4","IPv6"\] \["10\.96\.\d+\.\d+","fd00:10:96::\w+"\]$/,
    );
  });

  it('carries IPv6 between pods of two nodes', async () => {
    const route = (await lab.exec('node-1', 'ip', '-6', 'route', 'show', 'fd00:10:244:2::/64')).stdout;
    expect(route).toContain('via fd00:10:244:2:: dev vxlan0');
    const [, address] = (await jsonpath('pod on-node-2', '{.status.podIPs[*].ip}')).split(' ');
    expect(await ask('pod/on-node-1', `http://[${address}]:8080`)).toBe('node-2');
  });

  it('serves both cluster IPs and the node port by IPv6', { timeout: 60_000 }, async () => {
    const [v4, v6] = (await jsonpath('service both', '{.spec.clusterIPs[*]}')).split(' ');
    const port = await jsonpath('service both', '{.spec.ports[0].nodePort}');
    for (const [place, url] of [
      ['pod/on-node-1', `http://${v4}`],
      ['pod/on-node-1', `http://[${v6}]`],
      ['node-2', `http://[${v6}]`],
      ['internet', `http://[fd00:192:168:1::11]:${port}`],
    ]) {
      expect(await eventually(() => ask(place, url), Boolean)).toMatch(/^node-[12]$/);
    }
  });

  it('balances both from outside, for clients that pods see, and one family where a Service has one', {
    timeout: 60_000,
  }, async () => {
    const spec = { ...SERVICE.spec, type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
    await apply({ ...SERVICE, metadata: { name: 'cloud' }, spec } as typeof SERVICE);
    const path = '{.status.loadBalancer.ingress[*].ip}';
    const ingress = (): Promise<string> => jsonpath('service cloud', path);
    await eventually(ingress, (ips) => ips === '52.1.2.3 2001:db8:52:1:2::3');
    for (const [url, client] of [
      ['http://52.1.2.3', 'client: 203.0.113.100:'],
      ['http://[2001:db8:52:1:2::3]', 'client: [2001:db8:203:113::100]:'],
    ]) {
      const answer = async (): Promise<string> => (await lab.exec('internet', 'curl', '-s', '-m', '2', url)).stdout;
      expect(await eventually(answer, Boolean, 20_000)).toContain(client);
    }
    expect((await lab.exec('node-1', 'curl', '-s', '-m', '2', 'http://[2001:db8:52:1:2::3]')).exitCode).toBe(0);
    await lab.kubectl('patch', 'service', 'cloud', '-p', '{"spec":{"ipFamilyPolicy":"SingleStack"}}');
    await eventually(ingress, (ips) => ips === '52.1.2.3');
  });

  it('has AAAA records', { timeout: 60_000 }, async () => {
    const v6 = await jsonpath('service both', '{.spec.clusterIPs[1]}');
    const found = async (): Promise<string> => (await lab.exec('pod/on-node-1', 'getent', 'ahostsv6', 'both')).stdout;
    expect((await eventually(found, Boolean, 30_000)).split(/\s/)[0]).toBe(v6);
  });

  it('hides pods behind their node towards the outside', async () => {
    await lab.exec('internet', 'nft', WATCH);
    await lab.exec('pod/on-node-1', 'curl', '-s', '-m', '2', 'http://[2001:db8:203:113::100]:9');
    const counted = (await lab.exec('internet', 'nft', 'list', 'counters', 'table', 'ip6', 'watch')).stdout;
    expect(counted).toMatch(/counter nodes \{\s+packets [1-9]/);
    expect(counted).toMatch(/counter pods \{\s+packets 0 /);
  });

  it('isolates pods in both families', { timeout: 60_000 }, async () => {
    const urls = (await jsonpath('pod on-node-2', '{.status.podIPs[*].ip}'))
      .split(' ')
      .map((ip) => `http://${ip.includes(':') ? `[${ip}]` : ip}:8080`);
    const answers = (): Promise<string[]> => Promise.all(urls.map((url) => ask('pod/on-node-1', url)));
    expect(await answers()).toEqual(['node-2', 'node-2']);
    await apply(NOBODY);
    await eventually(answers, (nodes) => nodes.every((node) => node === ''), 20_000);
    await lab.kubectl('delete', 'networkpolicy', 'nobody');
    await eventually(answers, (nodes) => nodes.every((node) => node === 'node-2'), 20_000);
  });
});
