// `vitrine/testing`, as a project that depends on Vitrine uses it: from the built package.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../api/types/apps.v1.ts';
import type { Pod } from '../api/types/core.v1.ts';
import { deployments, pods, serviceAccounts } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { startCluster, type TestCluster } from './testing.ts';

const ROOT = new URL('..', import.meta.url).pathname;

const clientOf = ({ server, caCert, token }: TestCluster): RestClient =>
  new RestClient({ server, ca: caCert, token }, { userAgent: 'test' });

const namespace = 'default';
const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'echo' }] },
};

describe('startCluster', () => {
  it('gives clusters that share nothing and whose controllers work', async () => {
    const [one, other] = await Promise.all([startCluster(), startCluster()]);
    const [client, stranger] = [clientOf(one), clientOf(other)];
    try {
      const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };
      await client.create(deployments, { metadata: { name: 'web', namespace }, spec } as unknown as Deployment);
      await expect.poll(async () => (await client.list(pods)).items.length).toBe(2);
      expect((await stranger.list(pods)).items).toEqual([]);
    } finally {
      await Promise.all([client.close(), stranger.close()]);
      await Promise.all([one.stop(), other.stop()]);
    }
    await expect(fetch(one.server)).rejects.toThrow('fetch failed');
  });

  it('gives an API server alone, which admits pods without ServiceAccounts', async () => {
    const cluster = await startCluster({ controllers: [] });
    const client = clientOf(cluster);
    try {
      const pod = await client.create(pods, { metadata: { name: 'web', namespace }, spec: template.spec } as Pod);
      expect(pod.spec?.volumes).toBeUndefined();
      expect((await client.list(serviceAccounts)).items).toEqual([]);
    } finally {
      await client.close();
      await cluster.stop();
    }
  });

  it('says which controller does not exist', async () => {
    await expect(startCluster({ controllers: ['nobody'] })).rejects.toThrow('no controller "nobody"');
  });

  it('is what the package exports, and lets the process end', () => {
    const script = `
      const { startCluster } = await import('vitrine/testing');
      const cluster = await startCluster();
      console.log(JSON.parse(cluster.kubeconfig).clusters[0].cluster.server === cluster.server);
      await cluster.stop();`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, timeout: 20_000 });
    expect(said.toString().trim()).toBe('true');
  });
});
