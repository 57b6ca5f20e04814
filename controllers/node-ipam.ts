// Cuts the cluster's pod addresses into one block of each family per node (upstream pkg/controller/nodeipam/ipam/range_allocator.go).
// A name that ends in a number gets the blocks of that number where they are free, so that node-1 has 10.244.1.0/24.
import { type Block, containsBlock, formatBlock, nthAddress, parseBlock, sizeOf } from '../api/ip.ts';
import type { Node } from '../api/types/core.v1.ts';
import { nodes } from '../client/resources.ts';
import { UsageError } from '../host/lifecycle.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import type { ControllerOptions } from './options.ts';

export function nodeIpamController(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const ranges = rangesOf(options);
  const queue = environment.queue('cidrallocator_node');
  const recorder = environment.recorder('cidrAllocator');
  const cache = informers.of(nodes);
  /** Given out, and maybe not yet in the cache. By node name. */
  const given = new Map<string, readonly string[]>();

  cache.addHandlers({
    add: ({ metadata }) => queue.add(metadata.name),
    update: ({ metadata, spec }) => !spec?.podCIDR && queue.add(metadata.name),
    delete({ metadata }) {
      given.delete(metadata.name);
      for (const { metadata: other, spec } of cache.list()) if (!spec?.podCIDR) queue.add(other.name);
    },
  });

  /** Undefined when one of the ranges is full. */
  function freeFor(name: string): string[] | undefined {
    const taken = new Set([...cache.list().flatMap(blocksOf), ...[...given.values()].flat()]);
    const free = ranges.map((range) => range.freeFor(name, taken));
    return free.every((block) => block !== undefined) ? free : undefined;
  }

  async function reconcile(name: string): Promise<void> {
    const node = cache.get(name);
    if (!node || node.metadata.deletionTimestamp) return;
    if (node.spec?.podCIDR) return warnIfOutside(node);
    const podCIDRs = given.get(name) ?? freeFor(name);
    if (!podCIDRs) {
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      recorder.record({ resource: nodes, object: node, type: 'Normal', reason: 'CIDRNotAvailable', message });
      return;
    }
    given.set(name, podCIDRs);
    await client.patch(nodes, { name }, { spec: { podCIDR: podCIDRs[0], podCIDRs } });
  }

  function warnIfOutside(node: Node): void {
    for (const podCIDR of blocksOf(node)) {
      const block = parseBlock(podCIDR);
      if (block && ranges.some(({ cluster }) => containsBlock(cluster, block))) continue;
      environment.log.warn({ node: node.metadata.name, podCIDR }, 'pod CIDR lies outside the cluster CIDR');
    }
  }

  // One at a time: two nodes must never be promised the same block.
  return controlLoop({ name: 'nodeipam', queue, informers: [cache], concurrency: 1, reconcile }, environment);
}

const blocksOf = ({ spec }: Node): string[] => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);

/** One for each family of pod addresses. Throws UsageError. */
function rangesOf({ clusterCIDRs, nodeCIDRMaskSize }: ControllerOptions): PodRange[] {
  const blocks = clusterCIDRs.map((text) => {
    const block = parseBlock(text);
    if (!block) throw new UsageError(`--cluster-cidr: ${text} is no CIDR`);
    return block;
  });
  const isOneOfEach = new Set(blocks.map(({ family }) => family)).size === blocks.length;
  if (blocks.length === 0 || !isOneOfEach) throw new UsageError('--cluster-cidr: one CIDR, or one of each family');
  return blocks.map((block) => new PodRange(block, nodeCIDRMaskSize[block.family]));
}

/** The pod addresses of one family, in blocks of one size. */
class PodRange {
  readonly cluster: Block;
  readonly #prefix: number;
  readonly #blockSize: bigint;
  readonly #count: bigint;

  constructor(cluster: Block, prefix: number) {
    this.cluster = cluster;
    this.#prefix = prefix;
    this.#blockSize = sizeOf({ ...cluster, prefix });
    this.#count = sizeOf(cluster) / this.#blockSize;
    if (this.#count < 1n) throw new UsageError('--node-cidr-mask-size: larger than --cluster-cidr');
  }

  freeFor(name: string, taken: ReadonlySet<string>): string | undefined {
    const number = /-(\d{1,9})$/.exec(name)?.[1];
    const preferred = number === undefined || BigInt(number) >= this.#count ? undefined : this.#block(BigInt(number));
    if (preferred && !taken.has(preferred)) return preferred;
    for (let index = 0n; index < this.#count; index++) {
      const block = this.#block(index);
      if (!taken.has(block)) return block;
    }
    return undefined;
  }

  #block(index: bigint): string {
    const { value } = nthAddress(this.cluster, index * this.#blockSize);
    return formatBlock({ family: this.cluster.family, base: value, prefix: this.#prefix });
  }
}
