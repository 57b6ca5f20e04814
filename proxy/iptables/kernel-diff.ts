// What has to change in the kernel so that it holds what we want: from a saved state (repair everything), or from one
// service's old and new rules (follow one change). Both write into a restore script; neither touches the kernel.
import type { SavedTables, Table } from '../../host/iptables.ts';
import { JUMPS } from './fixed-rules.ts';
import { isServiceChain } from './names.ts';
import type { RestoreScript } from './restore-script.ts';
import type { ServiceRules, SharedChain } from './service-rules.ts';

export interface Wanted {
  readonly fixed: ReadonlyMap<Table, ReadonlyMap<string, readonly string[]>>;
  readonly services: Iterable<ServiceRules>;
  readonly shared: ReadonlyMap<SharedChain, { readonly last: readonly string[] }>;
}

const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && a.length === b.length && a.every((rule, at) => rule === b[at]);

export function splitShared(name: SharedChain): [Table, string] {
  const [table, chain] = name.split(' ');
  return [table as Table, chain];
}

/** Everything that differs between the kernel's state and the wanted one. */
export function repair(saved: SavedTables, wanted: Wanted, script: RestoreScript): void {
  const rulesOf = (table: Table, chain: string): readonly string[] | undefined => saved.get(table)?.get(chain);
  for (const [table, chains] of wanted.fixed) {
    for (const [chain, rules] of chains) {
      if (!same(rulesOf(table, chain), rules)) script.build(table, chain, rules);
    }
  }
  const own = new Set<string>();
  const blocks = new Map<SharedChain, (readonly string[])[]>();
  for (const { chains, shared } of wanted.services) {
    for (const [chain, rules] of chains) {
      own.add(chain);
      if (!same(rulesOf('nat', chain), rules)) script.build('nat', chain, rules);
    }
    for (const [chain, rules] of shared) {
      const ofChain = blocks.get(chain);
      if (ofChain) ofChain.push(rules);
      else blocks.set(chain, [rules]);
    }
  }
  for (const [name, { last }] of wanted.shared) {
    const [table, chain] = splitShared(name);
    const found = rulesOf(table, chain);
    if (found === undefined) script.declare(table, chain);
    repairShared(found ?? [], { table, chain, blocks: blocks.get(name) ?? [], last }, script);
  }
  for (const chain of saved.get('nat')?.keys() ?? []) {
    if (isServiceChain(chain) && !own.has(chain)) script.delete('nat', chain);
  }
  repairJumps(saved, script);
}

interface SharedWanted {
  readonly table: Table;
  readonly chain: string;
  /** One per service port: their order among each other is free, the order inside is not. */
  readonly blocks: readonly (readonly string[])[];
  readonly last: readonly string[];
}

function repairShared(found: readonly string[], wanted: SharedWanted, script: RestoreScript): void {
  const { table, chain, blocks, last } = wanted;
  if (found.length === 0) {
    for (const block of [...blocks, last]) script.append(table, chain, block);
    return;
  }
  const blockOf = new Map<string, number>();
  for (const [at, block] of blocks.entries()) for (const rule of block) blockOf.set(rule, at);
  const isLastRight = same(found.slice(found.length - last.length), last);
  const standing = blocks.map((): string[] => []);
  const foreign: string[] = [];
  for (const rule of isLastRight ? found.slice(0, found.length - last.length) : found) {
    const at = blockOf.get(rule);
    if (at === undefined) foreign.push(rule);
    else standing[at].push(rule);
  }
  script.replace(table, chain, foreign, []);
  for (const [at, block] of blocks.entries()) {
    if (!same(standing[at], block)) script.replace(table, chain, standing[at], block);
  }
  if (!isLastRight) script.append(table, chain, last);
}

/** Missing jumps are put at the top of the kernel's chains, in their order; doubled ones are taken out. */
function repairJumps(saved: SavedTables, script: RestoreScript): void {
  const places = new Map<string, string[]>();
  for (const { table, from, rule } of JUMPS) {
    const standing =
      saved
        .get(table)
        ?.get(from)
        ?.filter((one) => one === rule).length ?? 0;
    for (let extra = standing; extra > 1; extra -= 1) script.replace(table, from, [rule], []);
    const place = `${table} ${from}`;
    if (standing === 0) places.set(place, [...(places.get(place) ?? []), rule]);
  }
  for (const [place, rules] of places) {
    const [table, from] = place.split(' ');
    script.replace(table as Table, from, [], rules);
  }
}

/** One service port's rules changed from `old` to `now` (absent: it was not, or is no longer, there). */
export function change(old: ServiceRules | undefined, now: ServiceRules | undefined, script: RestoreScript): void {
  for (const [chain, rules] of now?.chains ?? []) {
    if (!same(old?.chains.get(chain), rules)) script.build('nat', chain, rules);
  }
  for (const name of new Set([...(old?.shared.keys() ?? []), ...(now?.shared.keys() ?? [])])) {
    const [table, chain] = splitShared(name);
    const [before, after] = [old?.shared.get(name) ?? [], now?.shared.get(name) ?? []];
    if (!same(before, after)) script.replace(table, chain, before, after);
  }
  for (const chain of old?.chains.keys() ?? []) if (!now?.chains.has(chain)) script.delete('nat', chain);
}

/** Takes away everything that is ours: jumps, then all KUBE- chains that this proxy writes. */
export function removeAll(saved: SavedTables, ownChains: ReadonlySet<string>, script: RestoreScript): void {
  for (const { table, from, rule } of JUMPS) {
    const standing =
      saved
        .get(table)
        ?.get(from)
        ?.filter((one) => one === rule) ?? [];
    script.replace(table, from, standing, []);
  }
  for (const [table, chains] of saved) {
    for (const chain of chains.keys()) {
      if (ownChains.has(`${table} ${chain}`) || (table === 'nat' && isServiceChain(chain))) script.delete(table, chain);
    }
  }
}
