// Pods that speak to the world outside the cluster do so with the node's address: a table of its own in nftables for each address
// family, beside whatever kube-proxy writes.
import { check, type Exec } from '../../host/exec.ts';
import { isCIDR } from '../../host/links.ts';

const TABLE = 'vitrine-node';

interface Family {
  readonly ip: 'ip' | 'ip6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  readonly multicast: string;
}

const FAMILIES: readonly Family[] = [
  { ip: 'ip', type: 'ipv4_addr', multicast: '224.0.0.0/4' },
  { ip: 'ip6', type: 'ipv6_addr', multicast: 'ff00::/8' },
];

export interface MasqueradeOptions {
  /** Of this node: one of each family at most. */
  readonly podCIDRs: readonly string[];
  /** Pods' and nodes' addresses: never masqueraded towards. */
  readonly inside: readonly string[];
}

/** The text `nft -f -` gets: the whole tables, replaced in one step. Throws on what is no CIDR. */
export function renderMasquerade({ podCIDRs, inside }: MasqueradeOptions): string {
  for (const cidr of [...podCIDRs, ...inside]) if (!isCIDR(cidr)) throw new Error(`not a CIDR: ${cidr}`);
  return FAMILIES.flatMap((family) => {
    const mine = (cidr: string): boolean => cidr.includes(':') === (family.ip === 'ip6');
    const podCIDR = podCIDRs.find(mine);
    // A kernel need not filter a family that no pod has.
    return podCIDR ? [table(family, podCIDR, inside.filter(mine))] : [];
  }).join('');
}

function table({ ip, type, multicast }: Family, podCIDR: string, inside: readonly string[]): string {
  return `add table ${ip} ${TABLE}
delete table ${ip} ${TABLE}
table ${ip} ${TABLE} {
  set inside {
    type ${type}
    flags interval
    auto-merge
    elements = { ${[...new Set([podCIDR, ...inside])].sort().join(', ')} }
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${ip} saddr ${podCIDR} ${ip} daddr != @inside ${ip} daddr != ${multicast} masquerade
  }
}
`;
}

export async function applyMasquerade(options: MasqueradeOptions, exec: Exec = check): Promise<void> {
  await exec(['nft', '-f', '-'], { input: renderMasquerade(options) });
}
