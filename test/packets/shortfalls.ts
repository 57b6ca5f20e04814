// What is not right yet, each with its reason. A row or stage named here must fail: when it passes, its line here has to go.
import type { Mode } from './proxies.ts';

/** Stages that a mode's proxy of ours does not come to the end of. */
export const UNSETTLED: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  iptables: {},
  nftables: {},
};

/** Modes in which histories leave session affinity out. */
export const NO_AFFINITY: Readonly<Partial<Record<Mode, string>>> = {
  nftables: 'over IPv6 a first packet is lost now and then while rules change, and the client sends it again after 1 s',
};
