// The balancer's netfilter rules: a new connection to a listener is sent to a node port of one healthy node, chosen at random or,
// for sticky listeners, by the client's address; the node sees the client's own address. They are few, so every change replaces
// them all, atomically; connections that exist keep their node by conntrack.

import { isIPv6 } from 'node:net';
import { hostPort } from '../../api/ip.ts';
import { NftTransaction } from '../../host/nft.ts';
import type { Listener } from './listeners.ts';

export const TABLE = 'vitrine-balancer';

export interface Route {
  readonly listener: Listener;
  /** Addresses of nodes, of the listener's family; none: the connection is refused, since nothing listens at the balancer itself. */
  readonly targets: readonly string[];
}

/**
 * Of the address family that `outside` (a CIDR) is of. Clients outside it come from behind the nodes: their replies would not pass
 * here without masquerading.
 */
export function balancerRules(routes: readonly Route[], outside: string): string {
  const ip = outside.includes(':') ? 'ip6' : 'ip';
  const isOurs = (address: string): boolean => address.includes(':') === (ip === 'ip6');
  const tx = new NftTransaction(ip, TABLE);
  tx.addTable().deleteTable().addTable();
  tx.addChain('sources', { type: 'filter', hook: 'prerouting', priority: 'dstnat - 10' });
  tx.addChain('balance', { type: 'nat', hook: 'prerouting', priority: 'dstnat' });
  tx.addChain('replies', { type: 'nat', hook: 'postrouting', priority: 'srcnat' });
  tx.addRule('replies', `ct status dnat ${ip} saddr != ${outside} masquerade`);
  for (const { listener, targets } of routes.filter((route) => isOurs(route.listener.address))) {
    const { address, protocol, port, sourceRanges } = listener;
    const match = `${ip} daddr ${address} ${protocol} dport ${port}`;
    if (sourceRanges.length > 0) {
      const ours = sourceRanges.filter(isOurs); // ranges of the other family let nobody of this one in
      tx.addRule('sources', `${match} ${ours.length > 0 ? `${ip} saddr != { ${ours.join(', ')} } ` : ''}drop`);
    }
    if (targets.length > 0) tx.addRule('balance', `${match} ${sendTo(listener, targets)}`);
  }
  return tx.render().join('');
}

function sendTo({ address, nodePort, isSticky }: Listener, targets: readonly string[]): string {
  if (targets.length === 1) return `dnat to ${hostPort(targets[0], nodePort)}`;
  const client = isIPv6(address) ? 'ip6 saddr' : 'ip saddr';
  const choice = isSticky ? `jhash ${client} mod ${targets.length}` : `numgen random mod ${targets.length}`;
  const entries = targets.map((target, i) => `${i} : ${target}`).join(', ');
  return `dnat to ${choice} map { ${entries} }:${nodePort}`;
}
