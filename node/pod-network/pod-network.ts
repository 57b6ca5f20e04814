// The pod network of one node: the bridge `cni0`, a namespace and a veth pair per pod. A pod has its address as a /32 and sends
// everything to `cni0`, its neighbours on this node included: so every packet between pods is routed by the node and
// crosses its connection tracking, with or without the kernel's br_netfilter.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { familyOf } from '../../api/ip.ts';
import { applyLinks, type LinkChange, listLinks, setSysctls } from '../../host/links.ts';
import { addNetns, deleteNetns, netnsPath } from '../../host/netns.ts';
import { PodAddresses } from './addresses.ts';

export const BRIDGE = 'cni0';

export interface PodNetworkOptions {
  /** One of each address family at most, the pods' first family first. */
  readonly podCIDRs: readonly string[];
  /** Of the network's own; made when it is missing. */
  readonly directory: string;
  /** Which pod (UID) an earlier agent gave which addresses. */
  readonly held: ReadonlyMap<string, readonly string[]>;
  /** Bytes that a pod's packet may have; absent: as many as the kernel allows on a link. */
  readonly mtu?: number;
}

/** How a pod stands in the network. */
export interface PodAttachment {
  readonly podUID: string;
  /** In the order of the pod CIDRs. */
  readonly addresses: readonly string[];
  /** Path of the pod's network namespace. */
  readonly netns: string;
  /** False: found as an earlier agent left it. */
  readonly isNew: boolean;
}

/** The name of a pod's network namespace: `/run/netns/pod-UID`. */
export function podNetnsName(podUID: string): string {
  return `pod-${podUID}`;
}

export class PodNetwork {
  readonly #families: readonly PodAddresses[];
  readonly #newestFile: string;
  /** UIDs of pods of which something may be there already. */
  readonly #inherited: Set<string>;
  readonly #mtu: number | undefined;

  private constructor(families: readonly PodAddresses[], newestFile: string, { held, mtu }: PodNetworkOptions) {
    this.#families = families;
    this.#newestFile = newestFile;
    this.#inherited = new Set(held.keys());
    this.#mtu = mtu;
  }

  /** Brings up `cni0` with the first address of each pod CIDR. Idempotent. */
  static async open(options: PodNetworkOptions): Promise<PodNetwork> {
    const { podCIDRs, directory, held } = options;
    mkdirSync(directory, { recursive: true });
    const newestFile = `${directory}/last-reserved-address`;
    const newest = await readFile(newestFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const kept = newest?.trim().split('\n') ?? [];
    const families = podCIDRs.map((cidr) => {
      const family = familyOf(cidr.split('/')[0]);
      const addresses = new PodAddresses(
        cidr,
        kept.find((one) => familyOf(one) === family),
      );
      for (const [podUID, all] of held) {
        const address = all.find((one) => familyOf(one) === family);
        if (address) addresses.hold(podUID, address);
      }
      return addresses;
    });
    await raiseBridge(families);
    return new PodNetwork(families, newestFile, options);
  }

  /** The addresses the pod has or will have; written down before anyone can have seen them. Throws when there are none. */
  reserve(podUID: string): string[] {
    const addresses = this.#families.map((family) => family.take(podUID));
    this.#remember();
    return addresses;
  }

  /** Gives the pod a namespace with `eth0` in it, or finds the one it has; what is half-done is done anew. */
  async attach(podUID: string): Promise<PodAttachment> {
    const addresses = this.reserve(podUID);
    const name = podNetnsName(podUID);
    const netns = netnsPath(name);
    if (this.#inherited.has(podUID) && (await stands(podUID, addresses)))
      return { podUID, addresses, netns, isNew: false };
    if (this.#inherited.has(podUID)) await this.#clear(podUID);
    this.#inherited.add(podUID); // whatever fails from here on leaves something behind
    await addNetns(name);
    await applyLinks(nodeEnd(hostLink(podUID), name, this.#mtu));
    // A router tells neighbours on one link of each other; a pod that listened would go round the node.
    if (this.#families.some(({ family }) => family === 'IPv6')) await setSysctls(DEAF, netns);
    const gateways = this.#families.map(({ gateway }) => gateway);
    await applyLinks(podEnd(addresses, gateways), { netns });
    return { podUID, addresses, netns, isNew: true };
  }

  /** Takes the pod's namespace and link away. Idempotent. */
  async detach(podUID: string): Promise<void> {
    if (!this.#families.some((family) => family.holds(podUID))) return;
    await this.#clear(podUID);
    this.#inherited.delete(podUID);
    for (const family of this.#families) family.free(podUID);
  }

  async #clear(podUID: string): Promise<void> {
    const link = hostLink(podUID);
    // The link first: the namespace itself lives until its last process is gone.
    if ((await listLinks()).some(({ name }) => name === link)) await applyLinks([{ op: 'delete-link', name: link }]);
    const name = podNetnsName(podUID);
    if (existsSync(netnsPath(name))) await deleteNetns(name);
  }

  #remember(): void {
    const made = `${this.#newestFile}.new`;
    writeFileSync(made, this.#families.map(({ newest }) => `${newest}\n`).join(''));
    renameSync(made, this.#newestFile);
  }
}

/** Written into a pod's namespace before it has an address. */
const DEAF = { 'net/ipv6/conf/eth0/accept_redirects': 0, 'net/ipv6/conf/eth0/accept_ra': 0 };

const ofOne = (address: string): string => `${address}/${address.includes(':') ? 128 : 32}`;

/** Whether an earlier agent's work is still whole: both ends of the link, and the addresses. */
async function stands(podUID: string, addresses: readonly string[]): Promise<boolean> {
  const netns = netnsPath(podNetnsName(podUID));
  if (!existsSync(netns)) return false;
  const [here, there] = await Promise.all([listLinks(), listLinks({ netns })]);
  const eth0 = there.find(({ name }) => name === 'eth0');
  const isWhole = addresses.every((address) => eth0?.addresses.includes(ofOne(address)));
  return here.some(({ name }) => name === hostLink(podUID)) && isWhole;
}

/** Link names have 15 characters at most; 11 of a hash's are enough for a node's pods. */
export function hostLink(podUID: string): string {
  return `veth${createHash('sha256').update(podUID).digest('hex').slice(0, 11)}`;
}

function nodeEnd(link: string, netns: string, mtu: number | undefined): LinkChange[] {
  return [
    { op: 'add-veth', name: link, peer: 'eth0', peerNetns: netns, mtu },
    { op: 'set-master', name: link, master: BRIDGE },
    { op: 'hairpin', name: link },
    { op: 'up', name: link },
  ];
}

function podEnd(addresses: readonly string[], gateways: readonly string[]): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'up', name: 'eth0' },
    ...addresses.map((address): LinkChange => ({ op: 'add-address', name: 'eth0', address: ofOne(address) })),
    ...gateways.flatMap((gateway): LinkChange[] => [
      { op: 'add-route', to: gateway, dev: 'eth0' },
      { op: 'add-route', to: gateway.includes(':') ? '::/0' : 'default', via: gateway, dev: 'eth0' },
    ]),
  ];
}

async function raiseBridge(families: readonly PodAddresses[]): Promise<void> {
  const wanted = families.map(({ gatewayCIDR }) => gatewayCIDR);
  const bridge = (await listLinks()).find(({ name }) => name === BRIDGE);
  const stale = bridge?.addresses.filter((one) => !wanted.includes(one) && !one.startsWith('fe80:')) ?? [];
  await applyLinks([
    ...(bridge ? [] : [{ op: 'add-bridge', name: BRIDGE, mac: bridgeMAC(families[0].gateway) } as const]),
    { op: 'up', name: 'lo' },
    { op: 'up', name: BRIDGE },
    ...stale.map((one): LinkChange => ({ op: 'delete-address', name: BRIDGE, address: one })),
    ...wanted.map((address): LinkChange => ({ op: 'add-address', name: BRIDGE, address })),
  ]);
  // Packets between pods leave by the link they came by; without these the node would tell pods of a shorter way.
  await setSysctls({
    'net/ipv4/ip_forward': 1,
    'net/ipv4/conf/all/send_redirects': 0,
    [`net/ipv4/conf/${BRIDGE}/send_redirects`]: 0,
    ...(existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables') && { 'net/bridge/bridge-nf-call-iptables': 1 }),
    ...(families.some(({ family }) => family === 'IPv6') && { 'net/ipv6/conf/all/forwarding': 1 }),
  });
}

/** A bridge without a MAC of its own changes it whenever a port comes or goes, and pods would send into the void. */
function bridgeMAC(gateway: string): string {
  const bytes = gateway.includes(':')
    ? createHash('sha256').update(gateway).digest().subarray(0, 4)
    : Buffer.from(gateway.split('.').map(Number));
  return ['0a:58', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
