// Cuts the cluster's pod addresses into one block per node (upstream pkg/controller/nodeipam/ipam/range_allocator.go).
// A name that ends in a number gets the block of that number where it is free, so that node-1 has 10.244.1.0/24.
import { contains, formatAddress, nthAddress, parseBlock, sizeOf } from '../api/ip.ts';
import type { Node } from '../api/types/core.v1.ts';
import { nodes } from '../client/resources.ts';
import { WorkQueue } from '../client/workqueue.ts';
import { UsageError } from '../host/lifecycle.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';

export function nodeIpamController(environment: Environment): Controller {
  const { client, informers, options, clock } = environment;
  const cluster = parseBlock(options.clusterCIDR);
  if (!cluster) throw new UsageError(`--cluster-cidr: ${options.clusterCIDR} is no CIDR`);
  const width = cluster.family === 'IPv4' ? 32 : 128;
  const blockSize = 2n ** BigInt(width - options.nodeCIDRMaskSize);
  const blocks = sizeOf(cluster) / blockSize;
  if (blocks < 1n) throw new UsageError('--node-cidr-mask-size: larger than --cluster-cidr');
  const queue = new WorkQueue({ clock });
  const recorder = environment.recorder('cidrAllocator');
  const cache = informers.of(nodes);
  /** Given out, and maybe not yet in the cache. By node name. */
  const given = new Map<string, string>();

  cache.addHandlers({
    add: ({ metadata }) => queue.add(metadata.name),
    update: ({ metadata, spec }) => !spec?.podCIDR && queue.add(metadata.name),
    delete({ metadata }) {
      given.delete(metadata.name);
      for (const { metadata: other, spec } of cache.list()) if (!spec?.podCIDR) queue.add(other.name);
    },
  });

  const cidrOf = (index: bigint): string =>
    `${formatAddress(nthAddress(cluster, index * blockSize))}/${options.nodeCIDRMaskSize}`;

  function freeFor(name: string): string | undefined {
    const taken = new Set([...cache.list().map(({ spec }) => spec?.podCIDR), ...given.values()]);
    const number = /-(\d{1,9})$/.exec(name)?.[1];
    if (number !== undefined && BigInt(number) < blocks && !taken.has(cidrOf(BigInt(number)))) {
      return cidrOf(BigInt(number));
    }
    for (let index = 0n; index < blocks; index++) if (!taken.has(cidrOf(index))) return cidrOf(index);
    return undefined;
  }

  async function reconcile(name: string): Promise<void> {
    const node = cache.get(name);
    if (!node || node.metadata.deletionTimestamp) return;
    if (node.spec?.podCIDR) return warnIfOutside(node, node.spec.podCIDR);
    const podCIDR = given.get(name) ?? freeFor(name);
    if (!podCIDR) {
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      recorder.record({ resource: nodes, object: node, type: 'Normal', reason: 'CIDRNotAvailable', message });
      return;
    }
    given.set(name, podCIDR);
    await client.patch(nodes, { name }, { spec: { podCIDR, podCIDRs: [podCIDR] } });
  }

  function warnIfOutside(node: Node, podCIDR: string): void {
    const block = parseBlock(podCIDR);
    if (block && contains(cluster!, nthAddress(block, 0))) return;
    environment.log.warn({ node: node.metadata.name, podCIDR }, 'pod CIDR lies outside the cluster CIDR');
  }

  // One at a time: two nodes must never be promised the same block.
  return controlLoop({ name: 'nodeipam', queue, informers: [cache], concurrency: 1, reconcile }, environment);
}
