// The overlay: packets for another node's pods travel inside UDP packets between the nodes (VXLAN, RFC 7348), so that the network
// below need know nothing of pods. As flannel does it: one device per node; for every other node a route to its pods, by an address
// of its device; that address's link address; and the node to which frames for that link address go. Nothing is learnt, nothing
// flooded: link addresses follow from the nodes' own.
import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { Node } from '../../api/types/core.v1.ts';
import { check } from '../../host/exec.ts';
import { changeForwarding, type ForwardingEntry, listForwarding } from '../../host/forwarding.ts';
import { applyLinks, type LinkChange, listLinks } from '../../host/links.ts';
import { internalIPs, podCIDRsOf, routesLeft } from './routes.ts';

export const VXLAN = 'vxlan0';
const IDENTIFIER = 1;
/** Bytes that the outer headers take: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8. */
const overhead = (nodeIP: string): number => (isIPv4(nodeIP) ? 50 : 70);

/** The way to one pod CIDR. */
export interface Tunnel {
  /** Address of the far device. */
  readonly gateway: string;
  readonly mac: string;
  /** Address of the node that has it. */
  readonly node: string;
}

/** Pod CIDR → its tunnel. */
export type Tunnels = ReadonlyMap<string, Tunnel>;

/** Of the device of the node with this address: locally administered, and the same whoever reckons it. */
export function deviceMAC(nodeIP: string): string {
  const bytes = isIPv4(nodeIP)
    ? Buffer.from([0, ...nodeIP.split('.').map(Number)])
    : createHash('sha256').update(nodeIP).digest().subarray(0, 5);
  return ['02', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** The address of the device of a node with this pod CIDR: the network's own, which no pod ever has. */
export const deviceAddress = (podCIDR: string): string => podCIDR.split('/')[0];

export function tunnelsOf(nodes: readonly Node[], nodeName: string): Tunnels {
  const tunnels = new Map<string, Tunnel>();
  for (const node of nodes) {
    const [address] = internalIPs(node);
    if (node.metadata.name === nodeName || !address) continue;
    for (const cidr of podCIDRsOf(node)) {
      tunnels.set(cidr, { gateway: deviceAddress(cidr), mac: deviceMAC(address), node: address });
    }
  }
  return tunnels;
}

/** Makes the device, or finds the one an earlier agent made. Resolves with the bytes a pod's packet may have. */
export async function raiseVxlan(nodeIP: string, podCIDRs: readonly string[]): Promise<number> {
  const links = await listLinks();
  const below = links.find(({ addresses }) => addresses.some((one) => one.split('/')[0] === nodeIP));
  if (!below) throw new Error(`no link has the node's address ${nodeIP}`);
  const mtu = below.mtu - overhead(nodeIP);
  const held = links.find(({ name }) => name === VXLAN);
  const isOurs = held?.mac === deviceMAC(nodeIP) && held.mtu === mtu;
  const make = { op: 'add-vxlan', name: VXLAN, id: IDENTIFIER, local: nodeIP, dev: below.name, mtu } as const;
  await applyLinks([
    ...(held && !isOurs ? [{ op: 'delete-link', name: VXLAN } as const] : []),
    ...(isOurs ? [] : [{ ...make, mac: deviceMAC(nodeIP) }]),
    ...podCIDRs.map((cidr): LinkChange => {
      return { op: 'add-address', name: VXLAN, address: `${deviceAddress(cidr)}/${cidr.includes(':') ? 128 : 32}` };
    }),
    { op: 'up', name: VXLAN },
  ]);
  return mtu;
}

/** Of a node whose pods are reached by plain routes: what an agent with the other choice has left. */
export async function removeVxlan(): Promise<void> {
  if ((await listLinks()).some(({ name }) => name === VXLAN)) await applyLinks([{ op: 'delete-link', name: VXLAN }]);
}

/** Keeps the tunnels as the nodes want them. */
export class TunnelPaths {
  readonly #podCIDRs: readonly string[];
  /** Absent: not known, at the start and after a failure. */
  #held: Tunnels | undefined;

  /** `podCIDRs` are this node's own. */
  constructor(podCIDRs: readonly string[]) {
    this.#podCIDRs = podCIDRs;
  }

  /** Rejects when the kernel refuses a part; the next call looks at what there is. */
  async follow(nodes: readonly Node[], nodeName: string): Promise<void> {
    const wanted = tunnelsOf(nodes, nodeName);
    const held = this.#held ?? (await tunnelsLeft(this.#podCIDRs));
    this.#held = undefined;
    const { fresh, gone } = tunnelChanges(held, wanted);
    // A way is complete before packets are sent on it, and nobody is sent on it any more when it goes.
    await changeForwarding(VXLAN, { add: farEnds(fresh), remove: [] });
    await applyLinks([
      ...gone.flatMap(([to, { gateway, mac }]): LinkChange[] => [
        { op: 'delete-route', to },
        ...(mac ? [{ op: 'delete-neighbour', name: VXLAN, address: gateway } as const] : []),
      ]),
      ...fresh.flatMap(([to, { gateway, mac }]): LinkChange[] => [
        { op: 'add-neighbour', name: VXLAN, address: gateway, mac },
        { op: 'add-route', to, via: gateway, dev: VXLAN, onlink: true },
      ]),
    ]);
    const used = new Set([...wanted.values()].map(({ mac }) => mac));
    await changeForwarding(VXLAN, { add: [], remove: farEnds(gone).filter(({ mac }) => !used.has(mac)) });
    this.#held = wanted;
  }
}

/** Each once, however many pod CIDRs a node has. */
function farEnds(tunnels: readonly (readonly [string, Tunnel])[]): ForwardingEntry[] {
  const ends = new Map(tunnels.map(([, { mac, node }]) => [mac, { mac, to: node }]));
  return [...ends.values()].filter(({ mac, to }) => mac !== '' && to !== '');
}

/** One that changes goes before it comes again, but for the parts it keeps. */
export function tunnelChanges(held: Tunnels, wanted: Tunnels): { fresh: [string, Tunnel][]; gone: [string, Tunnel][] } {
  const isSame = (a: Tunnel | undefined, b: Tunnel): boolean => a?.mac === b.mac && a.node === b.node;
  return {
    fresh: [...wanted].filter(([to, tunnel]) => !isSame(held.get(to), tunnel)),
    gone: [...held].filter(([to, tunnel]) => !isSame(wanted.get(to), tunnel)),
  };
}

/** The tunnels an earlier agent made; a part that is missing is an empty text. */
async function tunnelsLeft(podCIDRs: readonly string[]): Promise<Tunnels> {
  const [routes, shown, entries] = await Promise.all([
    routesLeft(podCIDRs, VXLAN),
    check(['ip', '-json', 'neighbour', 'show', 'dev', VXLAN, 'nud', 'permanent']),
    listForwarding(VXLAN),
  ]);
  const neighbours = JSON.parse(shown || '[]') as { dst: string; lladdr?: string }[];
  return new Map(
    [...routes].map(([to, gateway]) => {
      const mac = neighbours.find(({ dst }) => dst === gateway)?.lladdr ?? '';
      return [to, { gateway, mac, node: entries.find((entry) => entry.mac === mac)?.to ?? '' }];
    }),
  );
}
