// What has to be written so that the table holds what it should, from what nft lists of it; and how rules, groups and a service's own
// chains are written.
import { createHash } from 'node:crypto';
import { type Element, type NftTransaction, valueText } from '../../host/nft.ts';
import type { ListedTable } from '../../host/nft-table.ts';
import type { Plan } from '../plan.ts';
import { addFixedChains, FIXED_CHAINS, fixedRules, fixedSets, type Group } from './layout.ts';
import type { ServiceState } from './service-elements.ts';

/** Everything the table should hold beside its fixed chains. */
export interface WantedTable {
  readonly groups: ReadonlyMap<string, Group>;
  readonly states: readonly ServiceState[];
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, Element>>;
}

/** Sets whose elements the kernel adds by itself: their content is the kernel's. */
export const isSticky = (set: string): boolean => set.startsWith('sticky-');

export function repairTable(
  tx: NftTransaction,
  plan: Plan,
  wanted: WantedTable,
  listed: ListedTable | undefined,
): NftTransaction {
  tx.addTable();
  const sets = fixedSets(plan.family);
  for (const [name, { kind, definition }] of sets) tx.addSet(kind, name, definition);
  addFixedChains(tx);
  for (const [name, rules] of fixedRules(plan.family, plan.node)) {
    if (!isIntact(listed?.chains.get(name), rules)) writeRules(tx, name, rules);
  }
  const chains = new Set(FIXED_CHAINS);
  const known = new Set(sets.keys());
  for (const group of wanted.groups.values()) {
    // nft 1.0.6 cannot read such a map back and write the rule that uses it ("conflicting protocols"): only when it must.
    if (!isGroupIntact(listed, group)) writeGroup(tx, group);
    chains.add(group.name);
    if (group.map) known.add(group.name);
  }
  for (const state of wanted.states) {
    writeOwn(tx, state, listed);
    for (const name of state.chains.keys()) chains.add(name);
    for (const name of state.sets.keys()) known.add(name);
  }
  // Where this is not one transaction, the order counts: first where endpoints are found, then what leads there.
  const rest = [...new Set([...wanted.elements.keys(), ...(listed?.elements.keys() ?? [])])].filter(
    (set) => !sets.has(set),
  );
  for (const set of rest) if (known.has(set)) addElements(tx, set, listed?.elements.get(set), wanted.elements.get(set));
  for (const set of sets.keys()) {
    removeElements(tx, set, listed?.elements.get(set), wanted.elements.get(set));
    addElements(tx, set, listed?.elements.get(set), wanted.elements.get(set));
  }
  for (const set of rest)
    if (known.has(set)) removeElements(tx, set, listed?.elements.get(set), wanted.elements.get(set));
  const stale = [...(listed?.chains.keys() ?? [])].filter((chain) => !chains.has(chain));
  for (const chain of stale) tx.flushChain(chain);
  for (const chain of stale) tx.deleteChain(chain);
  for (const [set, kind] of listed?.kinds ?? []) if (!known.has(set)) tx.deleteSet(kind, set);
  return tx;
}

type Listed = ReadonlyMap<string, string> | undefined;
type Wanted = ReadonlyMap<string, Element> | undefined;

/** `have` is key text → value text, as listed. An element with another value is taken out first. */
function addElements(tx: NftTransaction, set: string, have: Listed, want: Wanted): void {
  for (const [key, element] of want ?? []) {
    const known = have?.get(key);
    if (known === textOf(element)) continue;
    if (known !== undefined) tx.deleteElement(set, element.key);
    tx.addElement(set, element);
  }
}

function removeElements(tx: NftTransaction, set: string, have: Listed, want: Wanted): void {
  if (isSticky(set)) return;
  for (const key of have?.keys() ?? []) if (!want?.has(key)) tx.deleteElement(set, key.split(' . '));
}

export const textOf = (element: Element): string => (element.value ? valueText(element.value) : '');

/** Rules carry a digest of their text, by which a listing tells them: nft prints them in words of its own. */
export const digest = (rule: string): string => createHash('sha256').update(rule).digest('hex').slice(0, 12);

/** `comments`: those of the chain's rules, as listed; undefined when there is no such chain. */
const isIntact = (comments: readonly string[] | undefined, rules: readonly string[]): boolean =>
  comments?.length === rules.length && rules.every((rule, at) => comments[at] === digest(rule));

const isGroupIntact = (listed: ListedTable | undefined, { name, map, rules }: Group): boolean =>
  isIntact(listed?.chains.get(name), rules) && (!map || listed?.kinds.get(name) === 'map');

/** In one transaction: nothing is missing at any moment. */
function writeRules(tx: NftTransaction, chain: string, rules: readonly string[]): void {
  tx.addChain(chain).flushChain(chain);
  for (const rule of rules) tx.addRule(chain, rule, digest(rule));
}

export function writeGroup(tx: NftTransaction, group: Group): void {
  if (group.map) tx.addSet('map', group.name, [group.map]);
  writeRules(tx, group.name, group.rules);
}

/** What is intact in `listed` is left alone. */
export function writeOwn(tx: NftTransaction, state: ServiceState, listed?: ListedTable): void {
  for (const { name, definition } of state.sets.values()) tx.addSet('set', name, definition);
  for (const [name, rules] of state.chains) {
    if (!isIntact(listed?.chains.get(name), rules)) writeRules(tx, name, rules);
  }
}
