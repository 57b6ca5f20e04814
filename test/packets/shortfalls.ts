// What is not right yet, each with its reason. A row or stage named here must fail: when it passes, its line here has to go.
import type { Mode } from './proxies.ts';

/** Stages that a mode's proxy of ours does not come to the end of. */
export const UNSETTLED: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  iptables: {},
  nftables: {
    'local pods by interface names':
      'the wildcard of iifname "cni*" is refused as no valid statement before it comes to nft',
    'affinity over IPv6':
      'the brackets of dnat ip6 to [ADDRESS]:PORT are refused as no valid statement before they come to nft, and with them every other change of IPv6',
  },
};

/** Modes in which histories leave session affinity out. */
export const NO_AFFINITY: Readonly<Partial<Record<Mode, string>>> = {
  nftables:
    'a table that holds own chains of clients is refused when it is written anew: a rule goes to a chain that is not there',
};
