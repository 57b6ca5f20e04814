// Links, addresses and routes as typed changes: checked one by one, rendered to `ip -batch` lines (printable at any time) and
// applied by one run of `ip` per network namespace. Only checked values ever reach a line.
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { check, type Exec, ExecError, run } from './exec.ts';
import { inNetns } from './netns.ts';

export type LinkChange =
  | { op: 'add-bridge'; name: string; mac?: string; mtu?: number }
  /** A pair of links; `peerNetns` (a name in /run/netns, or a pid) is where the far end is born. */
  | {
      op: 'add-veth';
      name: string;
      peer: string;
      peerNetns?: string | number;
      mac?: string;
      peerMac?: string;
      mtu?: number;
    }
  | { op: 'add-dummy'; name: string }
  /** A VXLAN that knows its peers only by what it is told; `dev` and `local` are where its packets leave. IANA's UDP port, 4789. */
  | { op: 'add-vxlan'; name: string; id: number; local: string; dev: string; mac: string; mtu: number }
  | { op: 'delete-link'; name: string }
  | { op: 'up'; name: string }
  | { op: 'down'; name: string }
  | { op: 'set-master'; name: string; master: string }
  /** A frame may leave by the bridge port it came in by: a pod that reaches itself through a Service. */
  | { op: 'hairpin'; name: string }
  /** `address` with its prefix length: `10.244.1.1/24`. Idempotent. */
  | { op: 'add-address'; name: string; address: string; noPrefixRoute?: true }
  | { op: 'delete-address'; name: string; address: string }
  /** Idempotent: a route to the same prefix is replaced. */
  | {
      op: 'add-route';
      to: 'default' | string;
      via?: string;
      dev?: string;
      src?: string;
      type?: 'unicast' | 'blackhole' | 'local';
      /** `via` is a neighbour on `dev`, whatever the addresses say. */
      onlink?: true;
    }
  | { op: 'delete-route'; to: 'default' | string }
  /** Says once and for all which link address a neighbour has. Idempotent. */
  | { op: 'add-neighbour'; name: string; address: string; mac: string }
  | { op: 'delete-neighbour'; name: string; address: string };

export interface Where {
  /** Path of the network namespace; absent: the caller's own. */
  netns?: string;
  exec?: Exec;
}

/** `10.244.1.0/24`, `fd00::1/64`: an address and a prefix length that fits its family. */
export function isCIDR(text: string): boolean {
  const [address, length, rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || length === undefined || rest !== undefined || !/^\d{1,3}$/.test(length)) return false;
  return Number(length) <= (family === 4 ? 32 : 128);
}

/** IFNAMSIZ is 16 with the ending zero; the kernel forbids `/` and white space, `ip` reads `@` and a leading dash as its own. */
function link(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,14}$/.test(name)) throw new Error(`not a link name: ${JSON.stringify(name)}`);
  return name;
}

function address(text: string): string {
  if (isIP(text) === 0) throw new Error(`not an IP address: ${JSON.stringify(text)}`);
  return text;
}

function cidr(text: string): string {
  if (!isCIDR(text)) throw new Error(`not an address with a prefix length: ${JSON.stringify(text)}`);
  return text;
}

function destination(text: string): string {
  return text === 'default' || isIP(text) !== 0 ? text : cidr(text);
}

function linkAddress(text: string): string {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new Error(`not a MAC address: ${JSON.stringify(text)}`);
  return text;
}

function mac(text: string | undefined): string {
  return text === undefined ? '' : ` address ${linkAddress(text)}`;
}

function vni(id: number): number {
  if (!Number.isInteger(id) || id < 1 || id >= 2 ** 24) throw new Error(`not a VXLAN identifier: ${id}`);
  return id;
}

function mtu(bytes: number | undefined): string {
  if (bytes === undefined) return '';
  if (!Number.isInteger(bytes) || bytes < 68 || bytes > 65_535) throw new Error(`not an MTU: ${bytes}`);
  return ` mtu ${bytes}`;
}

function place(netns: string | number | undefined): string {
  if (netns === undefined) return '';
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(String(netns))) throw new Error(`not a network namespace: ${netns}`);
  return ` netns ${netns}`;
}

/** One `ip -batch` line, without the line end. Throws on the first value that is not what its field says. */
export function renderLink(change: LinkChange): string {
  switch (change.op) {
    case 'add-bridge':
      return `link add name ${link(change.name)}${mac(change.mac)}${mtu(change.mtu)} type bridge`;
    case 'add-veth': {
      const peer = `name ${link(change.peer)}${mac(change.peerMac)}${mtu(change.mtu)}${place(change.peerNetns)}`;
      return `link add name ${link(change.name)}${mac(change.mac)}${mtu(change.mtu)} type veth peer ${peer}`;
    }
    case 'add-dummy':
      return `link add name ${link(change.name)} type dummy`;
    case 'add-vxlan': {
      const tunnel = `id ${vni(change.id)} local ${address(change.local)} dev ${link(change.dev)}`;
      return `link add name ${link(change.name)}${mac(change.mac)}${mtu(change.mtu)} type vxlan ${tunnel} dstport 4789 nolearning`;
    }
    case 'delete-link':
      return `link delete dev ${link(change.name)}`;
    case 'up':
    case 'down':
      return `link set dev ${link(change.name)} ${change.op}`;
    case 'set-master':
      return `link set dev ${link(change.name)} master ${link(change.master)}`;
    case 'hairpin':
      return `link set dev ${link(change.name)} type bridge_slave hairpin on`;
    case 'add-address': {
      // Nobody else is given it: no second is spent on asking whether somebody has it (RFC 4862, 5.4).
      const options = `${change.noPrefixRoute ? ' noprefixroute' : ''}${change.address.includes(':') ? ' nodad' : ''}`;
      return `address replace ${cidr(change.address)} dev ${link(change.name)}${options}`;
    }
    case 'delete-address':
      return `address delete ${cidr(change.address)} dev ${link(change.name)}`;
    case 'add-route':
      return [
        `route replace ${change.type ?? 'unicast'} ${destination(change.to)}`,
        change.via && `via ${address(change.via)}`,
        change.dev && `dev ${link(change.dev)}`,
        change.src && `src ${address(change.src)}`,
        change.onlink && 'onlink',
      ]
        .filter(Boolean)
        .join(' ');
    case 'delete-route':
      return `route delete ${destination(change.to)}`;
    case 'add-neighbour':
      return `neighbour replace ${address(change.address)} lladdr ${linkAddress(change.mac)} dev ${link(change.name)} nud permanent`;
    case 'delete-neighbour':
      return `neighbour delete ${address(change.address)} dev ${link(change.name)}`;
  }
}

/**
 * Applies `changes` in order by one run of `ip`, which stops at the first that fails: what stood before it stays done. Rejects
 * with ExecError whose message names the failed line.
 */
export async function applyLinks(changes: readonly LinkChange[], { netns, exec = check }: Where = {}): Promise<void> {
  if (changes.length === 0) return;
  const lines = changes.map(renderLink);
  const ip = ['ip', '-batch', '-'];
  try {
    await exec(netns ? inNetns(netns, ip) : ip, { input: `${lines.join('\n')}\n` });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    const failed = /Command failed -:(\d+)/.exec(error.stderr);
    const said = error.stderr.replace(/\s*Command failed -:\d+\s*/, '').trim();
    throw new ExecError(failed ? ['ip', lines[Number(failed[1]) - 1]] : ip, error.exitCode, said);
  }
}

export interface Link {
  name: string;
  index: number;
  mac: string;
  /** Addresses with prefix lengths: `10.244.1.1/24`. */
  addresses: string[];
  /** The bridge this link is a port of. */
  master?: string;
  /** Bytes. */
  mtu: number;
}

interface IpAddressShow {
  ifname: string;
  ifindex: number;
  mtu: number;
  address?: string;
  master?: string;
  addr_info?: { local: string; prefixlen: number }[];
}

/** The links that exist in the namespace, in the kernel's order. */
export async function listLinks({ netns, exec = check }: Where = {}): Promise<Link[]> {
  const ip = ['ip', '-json', 'address', 'show'];
  const shown: IpAddressShow[] = JSON.parse((await exec(netns ? inNetns(netns, ip) : ip)) || '[]');
  return shown
    .filter(({ ifname }) => ifname !== undefined)
    .map((one) => ({
      name: one.ifname,
      index: one.ifindex,
      mac: one.address ?? '',
      mtu: one.mtu,
      addresses: (one.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      ...(one.master && { master: one.master }),
    }));
}

/**
 * Writes kernel settings by their path below /proc/sys (`net/ipv4/ip_forward`). /proc/sys/net shows the namespace of whoever
 * looks, so for another namespace busybox is sent in. Rejects on the first that the kernel does not know or take.
 */
export async function setSysctls(settings: Readonly<Record<string, string | number>>, netns?: string): Promise<void> {
  for (const key of Object.keys(settings)) {
    if (!/^[a-z0-9_]+(\/[A-Za-z0-9._-]+)+$/.test(key) || key.includes('..')) throw new Error(`not a sysctl: ${key}`);
  }
  if (Object.keys(settings).length === 0) return;
  if (!netns) {
    for (const [key, value] of Object.entries(settings)) await writeFile(`/proc/sys/${key}`, `${value}\n`);
    return;
  }
  const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const argv = inNetns(netns, ['busybox', 'sysctl', '-w', ...words]);
  // busybox goes on after a setting it cannot write, says so, and still ends with 0.
  const { exitCode, stderr } = await run(argv);
  if (exitCode !== 0 || stderr !== '') throw new ExecError(argv, exitCode || 1, stderr);
}
