// Routes to the other nodes' pods, as the Node objects tell them: pod CIDR via the node's InternalIP.
import type { Node } from '../../api/types/core.v1.ts';
import { isCIDR, type LinkChange } from '../../host/links.ts';

/** Pod CIDR → the address of the node that has it. */
export type PodRoutes = ReadonlyMap<string, string>;

export function internalIP(node: Node): string | undefined {
  return node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
}

/** The routes that `nodeName` needs; nodes without address or CIDR yet have none. */
export function podRoutes(nodes: readonly Node[], nodeName: string): PodRoutes {
  const routes = new Map<string, string>();
  for (const node of nodes) {
    const { podCIDR } = node.spec ?? {};
    const via = internalIP(node);
    if (node.metadata.name === nodeName || !podCIDR || !via || !isCIDR(podCIDR)) continue;
    routes.set(podCIDR, via);
  }
  return routes;
}

/** What makes `wanted` of `held`. */
export function routeChanges(held: PodRoutes, wanted: PodRoutes): LinkChange[] {
  const gone = [...held.keys()].filter((to) => !wanted.has(to)).map((to): LinkChange => ({ op: 'delete-route', to }));
  const fresh = [...wanted].filter(([to, via]) => held.get(to) !== via);
  return [...gone, ...fresh.map(([to, via]): LinkChange => ({ op: 'add-route', to, via }))];
}
