// The pod network of one node: the bridge `cni0`, a namespace and a veth pair per pod. A pod has its address as a /32 and sends
// everything to `cni0`, its neighbours on this node included: so every packet between pods is routed by the node and
// crosses its connection tracking, with or without the kernel's br_netfilter.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { applyLinks, type LinkChange, listLinks, setSysctls } from '../../host/links.ts';
import { addNetns, deleteNetns, netnsPath } from '../../host/netns.ts';
import { PodAddresses } from './addresses.ts';

export const BRIDGE = 'cni0';

/** How a pod stands in the network. */
export interface PodAttachment {
  readonly podUID: string;
  readonly address: string;
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
  readonly #addresses: PodAddresses;
  readonly #newestFile: string;
  /** UIDs of pods of which something may be there already. */
  readonly #inherited: Set<string>;

  private constructor(addresses: PodAddresses, newestFile: string, inherited: Iterable<string>) {
    this.#addresses = addresses;
    this.#newestFile = newestFile;
    this.#inherited = new Set(inherited);
  }

  /**
   * Brings up `cni0` with the first address of `podCIDR`; `held` tells which pod (UID) an
   * earlier agent gave which address. Idempotent.
   */
  static async open(podCIDR: string, directory: string, held: ReadonlyMap<string, string>): Promise<PodNetwork> {
    mkdirSync(directory, { recursive: true });
    const newestFile = `${directory}/last-reserved-address`;
    const newest = await readFile(newestFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const addresses = new PodAddresses(podCIDR, newest?.trim());
    for (const [podUID, address] of held) addresses.hold(podUID, address);
    await raiseBridge(`${addresses.gateway}/${podCIDR.split('/')[1]}`);
    return new PodNetwork(addresses, newestFile, held.keys());
  }

  /** The address the pod has or will have; written down before anyone can have seen it. Throws when there is none. */
  reserve(podUID: string): string {
    const address = this.#addresses.take(podUID);
    this.#remember();
    return address;
  }

  /** Gives the pod a namespace with `eth0` in it, or finds the one it has; what is half-done is done anew. */
  async attach(podUID: string): Promise<PodAttachment> {
    const address = this.reserve(podUID);
    const name = podNetnsName(podUID);
    const netns = netnsPath(name);
    if (this.#inherited.has(podUID) && (await stands(podUID, address))) return { podUID, address, netns, isNew: false };
    if (this.#inherited.has(podUID)) await this.#clear(podUID);
    this.#inherited.add(podUID); // whatever fails from here on leaves something behind
    await addNetns(name);
    await applyLinks(nodeEnd(hostLink(podUID), name));
    await applyLinks(podEnd(address, this.#addresses.gateway), { netns });
    return { podUID, address, netns, isNew: true };
  }

  /** Takes the pod's namespace and link away. Idempotent. */
  async detach(podUID: string): Promise<void> {
    if (!this.#addresses.holds(podUID)) return;
    await this.#clear(podUID);
    this.#inherited.delete(podUID);
    this.#addresses.free(podUID);
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
    writeFileSync(made, `${this.#addresses.newest}\n`);
    renameSync(made, this.#newestFile);
  }
}

/** Whether an earlier agent's work is still whole: both ends of the link, and the address. */
async function stands(podUID: string, address: string): Promise<boolean> {
  const netns = netnsPath(podNetnsName(podUID));
  if (!existsSync(netns)) return false;
  const [here, there] = await Promise.all([listLinks(), listLinks({ netns })]);
  const eth0 = there.find(({ name }) => name === 'eth0');
  return here.some(({ name }) => name === hostLink(podUID)) && Boolean(eth0?.addresses.includes(`${address}/32`));
}

/** Link names have 15 characters at most; 11 of a hash's are enough for a node's pods. */
export function hostLink(podUID: string): string {
  return `veth${createHash('sha256').update(podUID).digest('hex').slice(0, 11)}`;
}

function nodeEnd(link: string, netns: string): LinkChange[] {
  return [
    { op: 'add-veth', name: link, peer: 'eth0', peerNetns: netns },
    { op: 'set-master', name: link, master: BRIDGE },
    { op: 'hairpin', name: link },
    { op: 'up', name: link },
  ];
}

function podEnd(address: string, gateway: string): LinkChange[] {
  return [
    { op: 'up', name: 'lo' },
    { op: 'up', name: 'eth0' },
    { op: 'add-address', name: 'eth0', address: `${address}/32` },
    { op: 'add-route', to: gateway, dev: 'eth0' },
    { op: 'add-route', to: 'default', via: gateway, dev: 'eth0' },
  ];
}

async function raiseBridge(address: string): Promise<void> {
  const bridge = (await listLinks()).find(({ name }) => name === BRIDGE);
  const stale = bridge?.addresses.filter((one) => one !== address && !one.includes(':')) ?? [];
  await applyLinks([
    ...(bridge ? [] : [{ op: 'add-bridge', name: BRIDGE, mac: bridgeMAC(address) } as const]),
    { op: 'up', name: 'lo' },
    { op: 'up', name: BRIDGE },
    ...stale.map((one): LinkChange => ({ op: 'delete-address', name: BRIDGE, address: one })),
    { op: 'add-address', name: BRIDGE, address },
  ]);
  // Packets between pods leave by the link they came by; without these the node would tell pods of a shorter way.
  await setSysctls({
    'net/ipv4/ip_forward': 1,
    'net/ipv4/conf/all/send_redirects': 0,
    [`net/ipv4/conf/${BRIDGE}/send_redirects`]: 0,
    ...(existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables') && { 'net/bridge/bridge-nf-call-iptables': 1 }),
  });
}

/** A bridge without a MAC of its own changes it whenever a port comes or goes, and pods would send into the void. */
function bridgeMAC(address: string): string {
  const parts = address
    .split('/')[0]
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'));
  return `0a:58:${parts.join(':')}`;
}
