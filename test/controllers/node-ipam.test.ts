// The shares of pod addresses that nodes get when there are two families, and ranges that cannot be shared out.
import { afterEach, describe, expect, it } from 'vitest';
import { nodes } from '../../client/resources.ts';
import { runControllers } from '../../controllers/controllers.ts';
import { defaultOptions } from '../../controllers/options.ts';
import { silentLogger } from '../../host/log.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

let cluster: Cluster | undefined;
afterEach(() => cluster?.stop());

const sharesOf = async (name: string): Promise<string[]> => {
  await cluster!.client.create(nodes, { metadata: { name } });
  return eventually(async () => (await find(cluster!.client, nodes, { name }))?.spec?.podCIDRs);
};

describe('nodes of a cluster with two ranges', () => {
  it('get a block of each, with the same number where they can', async () => {
    cluster = await startCluster({ clusterCIDRs: ['fd00:10:244::/56', '10.244.0.0/16'] });
    expect(await sharesOf('node-12')).toEqual(['fd00:10:244:c::/64', '10.244.12.0/24']);
    expect(await sharesOf('stranger')).toEqual(['fd00:10:244::/64', '10.244.0.0/24']);
    expect((await find(cluster.client, nodes, { name: 'node-12' }))?.spec?.podCIDR).toBe('fd00:10:244:c::/64');
  });

  it('get nothing when one of the ranges is full, and all when there is room again', async () => {
    cluster = await startCluster({ clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/64'] });
    expect(await sharesOf('first')).toEqual(['10.244.0.0/24', 'fd00:10:244::/64']);
    const waiting = sharesOf('second');
    await cluster.client.delete(nodes, { name: 'first' });
    expect((await waiting)[1]).toBe('fd00:10:244::/64');
  });
});

it.each([
  [['10.244.0.0/16', '10.245.0.0/16'], 'one CIDR, or one of each family'],
  [['10.244.0.0'], '10.244.0.0 is no CIDR'],
  [['10.244.0.0/25'], 'larger than --cluster-cidr'],
])('%s is no range for pods', async (clusterCIDRs, reason) => {
  cluster = await startCluster({ controllers: ['serviceaccount'] });
  const options = { ...defaultOptions, controllers: ['nodeipam'], clusterCIDRs };
  const running = runControllers(cluster.client, { options, log: silentLogger }, new AbortController().signal);
  await expect(running).rejects.toThrow(reason);
});
