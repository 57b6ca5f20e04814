// Routes to the other nodes' pods, as the Node objects tell them: pod CIDR via the node's InternalIP.
import { isIPv6 } from 'node:net';
import type { Node } from '../../api/types/core.v1.ts';
import { check } from '../../host/exec.ts';
import { applyLinks, isCIDR, type LinkChange } from '../../host/links.ts';

/** Pod CIDR → the address of the node that has it. */
export type PodRoutes = ReadonlyMap<string, string>;

/** At most one of each address family, the node's first family first. */
export function internalIPs(node: Node): string[] {
  const all = (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  return all.filter((address, at) => all.findIndex((other) => isIPv6(other) === isIPv6(address)) === at);
}

/** What of a node's spec is a pod CIDR. */
export function podCIDRsOf({ spec }: Node): string[] {
  return (spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])).filter(isCIDR);
}

/** The routes that `nodeName` needs; nodes without address or CIDR of a family yet have none in it. */
export function podRoutes(nodes: readonly Node[], nodeName: string): PodRoutes {
  const routes = new Map<string, string>();
  for (const node of nodes) {
    if (node.metadata.name === nodeName) continue;
    for (const cidr of podCIDRsOf(node)) {
      const via = internalIPs(node).find((address) => isIPv6(address) === cidr.includes(':'));
      if (via) routes.set(cidr, via);
    }
  }
  return routes;
}

/** What makes `wanted` of `held`. */
export function routeChanges(held: PodRoutes, wanted: PodRoutes): LinkChange[] {
  const gone = [...held.keys()].filter((to) => !wanted.has(to)).map((to): LinkChange => ({ op: 'delete-route', to }));
  const fresh = [...wanted].filter(([to, via]) => held.get(to) !== via);
  return [...gone, ...fresh.map(([to, via]): LinkChange => ({ op: 'add-route', to, via }))];
}

/** Routes to pod CIDRs that an earlier agent wrote: those as long as this node's own that go by another node, and by `dev` if given. */
export async function routesLeft(podCIDRs: readonly string[], dev?: string): Promise<Map<string, string>> {
  const left = new Map<string, string>();
  for (const cidr of podCIDRs) {
    const family = cidr.includes(':') ? '-6' : '-4';
    const shown: { dst: string; gateway?: string }[] = JSON.parse(
      (await check(['ip', family, '-json', 'route', 'show', ...(dev ? ['dev', dev] : [])])) || '[]',
    );
    for (const { dst, gateway } of shown) if (gateway && dst.endsWith(`/${cidr.split('/')[1]}`)) left.set(dst, gateway);
  }
  return left;
}

/** Keeps the kernel's routes as the nodes want them. */
export class RoutedPaths {
  readonly #podCIDRs: readonly string[];
  /** Absent: not known, at the start and after a failure. */
  #held: PodRoutes | undefined;

  /** `podCIDRs` are this node's own. */
  constructor(podCIDRs: readonly string[]) {
    this.#podCIDRs = podCIDRs;
  }

  /** Rejects when the kernel refuses a route; the next call looks at what there is. */
  async follow(nodes: readonly Node[], nodeName: string): Promise<void> {
    const wanted = podRoutes(nodes, nodeName);
    const held = this.#held ?? (await routesLeft(this.#podCIDRs));
    this.#held = undefined;
    await applyLinks(routeChanges(held, wanted));
    this.#held = wanted;
  }
}
