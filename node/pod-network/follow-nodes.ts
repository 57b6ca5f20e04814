// The loop that keeps the ways to other nodes' pods, and the masquerade rules, as the cluster's nodes want them.
import type { Node } from '../../api/types/core.v1.ts';
import type { Informer } from '../../client/informer.ts';
import { Bell } from '../../host/bell.ts';
import { aborted } from '../../host/lifecycle.ts';
import { isCIDR } from '../../host/links.ts';
import type { Logger } from '../../host/log.ts';
import { applyMasquerade } from './masquerade.ts';
import { internalIPs, podCIDRsOf } from './routes.ts';

/** How packets for another node's pods get there. */
export interface PodPaths {
  /** Brings the kernel in line; rejects when it refuses, and may be called again. */
  follow(nodes: readonly Node[], nodeName: string): Promise<void>;
}

export interface FollowNodesOptions {
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  readonly paths: PodPaths;
  /** This node's own. */
  readonly podCIDRs: readonly string[];
  readonly clusterCIDRs: readonly string[];
  readonly log: Logger;
}

/** ms after which changes that failed are tried again. */
const RETRY_MS = 1000;

/** Runs until `signal` aborts. What it wrote stays, so that packets flow on while the agent is away. */
export async function followNodes(options: FollowNodesOptions, signal: AbortSignal): Promise<void> {
  const { nodes, nodeName, paths, podCIDRs, clusterCIDRs, log } = options;
  const bell = new Bell();
  const ring = (): void => bell.ring();
  nodes.addHandlers({ add: ring, update: ring, delete: ring });
  await Promise.race([nodes.synced(), aborted(signal)]);
  let networks = '';
  while (!signal.aborted) {
    try {
      const inside = [...new Set([...clusterCIDRs, ...podCIDRs, ...nodes.list().flatMap(networksOf)])].sort();
      if (inside.join() !== networks) await applyMasquerade({ podCIDRs, inside });
      networks = inside.join();
      await paths.follow(nodes.list(), nodeName);
      await bell.rung(signal);
    } catch (error) {
      log.warn({ err: error }, 'the pod network could not be brought in line with the nodes');
      await bell.rung(signal, RETRY_MS);
    }
  }
}

/** A node's pod CIDRs, and its own addresses as CIDRs. */
function networksOf(node: Node): string[] {
  const addresses = internalIPs(node).map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
  return [...podCIDRsOf(node), ...addresses.filter(isCIDR)];
}
