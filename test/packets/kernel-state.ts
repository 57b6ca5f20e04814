// What the kernel holds, in a form in which two kernels compare: whatever order, counters, handles and clients' traces differ in is left
// out, and so is what no packet can come to.
import { check } from '../../host/exec.ts';
import type { Mode } from './proxies.ts';
import { at } from './topology.ts';

export interface KernelState {
  readonly mode: Mode;
  /** iptables: texts of iptables-save and ip6tables-save. nftables: one line per rule and element, sorted. */
  readonly texts: readonly string[];
}

export async function kernelState(mode: Mode, place: string): Promise<KernelState> {
  if (mode === 'iptables') {
    const saves = ['iptables-save', 'ip6tables-save'].map((save) => check(at(place, save)));
    return { mode, texts: await Promise.all(saves) };
  }
  const listed = JSON.parse(await check(at(place, 'nft', '-j', 'list', 'ruleset'))) as { nftables: NftEntry[] };
  const families = ['ip', 'ip6'].map((family) =>
    nftLines(listed.nftables.filter((entry) => familyOf(entry) === family)),
  );
  return { mode, texts: families.map((lines) => lines.join('\n')) };
}

interface NftObject {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly chain?: string;
  readonly hook?: string;
  readonly flags?: readonly string[];
  readonly type?: unknown;
  readonly timeout?: number;
  readonly elem?: readonly unknown[];
  readonly expr?: readonly unknown[];
}

type NftEntry = Readonly<Record<'table' | 'chain' | 'rule' | 'set' | 'map', NftObject | undefined>>;

const objectOf = (entry: NftEntry): NftObject | undefined => entry.chain ?? entry.rule ?? entry.set ?? entry.map;
const familyOf = (entry: NftEntry): string | undefined => objectOf(entry)?.family;

/** Lines of all that a packet can come to from a hook. */
function nftLines(entries: readonly NftEntry[]): string[] {
  const chains = new Map<string, string[]>();
  const sets = new Map<string, NftObject>();
  const reached = new Set<string>();
  for (const entry of entries) {
    if (entry.chain) chains.set(entry.chain.name, []);
    if (entry.chain?.hook) reached.add(entry.chain.name);
    if (entry.rule) chains.get(entry.rule.chain!)!.push(JSON.stringify(entry.rule.expr));
    const set = entry.set ?? entry.map;
    if (set) sets.set(set.name, set);
  }
  const lines: string[] = [];
  // A Set that grows while it is walked is walked to its end.
  for (const name of reached) {
    const contents = chains.get(name) ?? setLines(sets.get(name)!);
    lines.push(...contents.map((text, place) => `${name} ${chains.has(name) ? place : ''} ${text}`));
    for (const text of contents) {
      for (const [, target] of text.matchAll(/"target":"([^"]+)"/g)) if (chains.has(target)) reached.add(target);
      for (const [, set] of text.matchAll(/"@([^"]+)"/g)) if (sets.has(set)) reached.add(set);
    }
  }
  const unreached = [...sets.values()].filter(({ name }) => !reached.has(name));
  return [
    ...lines,
    ...unreached.flatMap((set) => elementsOf(set).map((text) => `unreached ${set.name} ${text}`)),
  ].sort();
}

function setLines(set: NftObject): string[] {
  return [JSON.stringify({ flags: set.flags, type: set.type, timeout: set.timeout }), ...elementsOf(set)];
}

/** Elements that packets add by themselves are nobody's plan. */
function elementsOf({ flags = [], elem = [] }: NftObject): string[] {
  return flags.includes('dynamic') ? [] : elem.map((one) => JSON.stringify(one));
}
