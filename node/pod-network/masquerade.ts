// Pods that speak to the world outside the cluster do so with the node's address: a table of its own in nftables, beside whatever
// kube-proxy writes.
import { check, type Exec } from '../../host/exec.ts';
import { isCIDR } from '../../host/links.ts';

const TABLE = 'vitrine-node';

export interface MasqueradeOptions {
  readonly podCIDR: string;
  /** All pods' addresses; absent: those of the nodes known. */
  readonly clusterCIDR?: string;
  /** Pod CIDRs and addresses of all nodes: never masqueraded towards. */
  readonly nodeNetworks: readonly string[];
}

/** The text `nft -f -` gets: the whole table, replaced in one step. Throws on what is no CIDR. */
export function renderMasquerade({ podCIDR, clusterCIDR, nodeNetworks }: MasqueradeOptions): string {
  const inside = [...new Set([podCIDR, ...(clusterCIDR ? [clusterCIDR] : []), ...nodeNetworks])].sort();
  for (const cidr of inside) if (!isCIDR(cidr)) throw new Error(`not a CIDR: ${cidr}`);
  return `add table ip ${TABLE}
delete table ip ${TABLE}
table ip ${TABLE} {
  set inside {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { ${inside.join(', ')} }
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${podCIDR} ip daddr != @inside ip daddr != 224.0.0.0/4 masquerade
  }
}
`;
}

export async function applyMasquerade(options: MasqueradeOptions, exec: Exec = check): Promise<void> {
  await exec(['nft', '-f', '-'], { input: renderMasquerade(options) });
}
