// The loop that keeps routes and masquerade rules as the cluster's nodes want them.
import type { Node } from '../../api/types/core.v1.ts';
import type { Informer } from '../../client/informer.ts';
import { Bell } from '../../host/bell.ts';
import { check } from '../../host/exec.ts';
import { aborted } from '../../host/lifecycle.ts';
import { applyLinks, isCIDR } from '../../host/links.ts';
import type { Logger } from '../../host/log.ts';
import { applyMasquerade } from './masquerade.ts';
import { internalIP, type PodRoutes, podRoutes, routeChanges } from './routes.ts';

export interface FollowNodesOptions {
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  readonly podCIDR: string;
  readonly clusterCIDR?: string;
  readonly log: Logger;
}

/** ms after which changes that failed are tried again. */
const RETRY_MS = 1000;

/** Runs until `signal` aborts. What it wrote stays, so that packets flow on while the agent is away. */
export async function followNodes(options: FollowNodesOptions, signal: AbortSignal): Promise<void> {
  const { nodes, nodeName, podCIDR, clusterCIDR, log } = options;
  const bell = new Bell();
  const ring = (): void => bell.ring();
  nodes.addHandlers({ add: ring, update: ring, delete: ring });
  await Promise.race([nodes.synced(), aborted(signal)]);
  let held: PodRoutes | undefined;
  let networks = '';
  while (!signal.aborted) {
    try {
      const wanted = podRoutes(nodes.list(), nodeName);
      const nodeNetworks = [...wanted.keys(), ...nodeAddresses(nodes.list())];
      if (nodeNetworks.join() !== networks) await applyMasquerade({ podCIDR, clusterCIDR, nodeNetworks });
      networks = nodeNetworks.join();
      await applyLinks(routeChanges(held ?? (await routesLeft(podCIDR)), wanted));
      held = wanted;
      await bell.rung(signal);
    } catch (error) {
      held = undefined;
      log.warn({ err: error }, 'the pod network could not be brought in line with the nodes');
      await bell.rung(signal, RETRY_MS);
    }
  }
}

function nodeAddresses(nodes: readonly Node[]): string[] {
  return nodes
    .map(internalIP)
    .filter((address) => address !== undefined)
    .map((address) => `${address}/32`)
    .filter(isCIDR)
    .sort();
}

/** Routes to pod CIDRs that an earlier agent wrote: those of this node's table that go by another node. */
async function routesLeft(podCIDR: string): Promise<PodRoutes> {
  const length = podCIDR.split('/')[1];
  const shown: { dst: string; gateway?: string }[] = JSON.parse(
    (await check(['ip', '-json', 'route', 'show'])) || '[]',
  );
  return new Map(
    shown
      .filter(({ dst, gateway }) => gateway && dst.endsWith(`/${length}`))
      .map(({ dst, gateway }) => [dst, gateway!]),
  );
}
