// What is not right yet, each with its reason. A row or stage named here must fail: when it passes, its line here has to go.
import type { Mode } from './proxies.ts';

/** Stages that a mode's proxy of ours does not come to the end of. */
export const UNSETTLED: Readonly<Record<Mode, Readonly<Record<string, string>>>> = {
  iptables: {},
  nftables: {},
};
