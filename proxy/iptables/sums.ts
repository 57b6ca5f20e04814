// Sums of rules, by which the kernel's state and ours compare without a copy of either: rules of a chain of ours count with their place,
// those of chains that services share without, since the order of services among each other is free.
import type { SaveVisitor, Table } from '../../host/iptables.ts';
import { RuleSum } from '../rule-sum.ts';
import { JUMPS, SHARED_CHAINS } from './fixed-rules.ts';
import { splitShared, type Wanted } from './kernel-diff.ts';
import { isServiceChain } from './names.ts';
import type { ServiceRules } from './service-rules.ts';

const SHARED: ReadonlySet<string> = new Set(SHARED_CHAINS);
const KERNELS: ReadonlySet<string> = new Set(JUMPS.map(({ table, from }) => `${table} ${from}`));
const OUR_JUMPS: ReadonlySet<string> = new Set(JUMPS.map(({ table, from, rule }) => `${table} ${from} ${rule}`));
const FIXED = /^(filter|nat|mangle) KUBE-(PROXY-CANARY|FIREWALL|FORWARD|MARK-MASQ|POSTROUTING)$/;

function isOwn(name: string): boolean {
  const [table, chain] = name.split(' ');
  return FIXED.test(name) || (table === 'nat' && isServiceChain(chain));
}

function sumChain(sum: RuleSum, name: string, rules: readonly string[], how: 'add' | 'remove' = 'add'): void {
  sum[how](name);
  for (const [place, rule] of rules.entries()) sum[how](`${name} ${place} ${rule}`);
}

/** One service port's rules; absent: none. */
export function sumService(sum: RuleSum, rules: ServiceRules | undefined, how: 'add' | 'remove'): void {
  for (const [chain, texts] of rules?.chains ?? []) sumChain(sum, `nat ${chain}`, texts, how);
  for (const [name, texts] of rules?.shared ?? []) for (const text of texts) sum[how](`${name} ${text}`);
}

/** What `summing` comes to when the kernel holds all that is wanted, whatever others have beside it. */
export function sumOf({ fixed, shared }: Wanted, services: Iterable<ServiceRules>): RuleSum {
  const sum = new RuleSum();
  for (const [table, chains] of fixed) for (const [chain, rules] of chains) sumChain(sum, `${table} ${chain}`, rules);
  for (const [name, { last }] of shared) {
    const [table, chain] = splitShared(name);
    sum.add(`${table} ${chain}`);
    for (const rule of last) sum.add(`${name} ${rule}`);
  }
  for (const jump of OUR_JUMPS) sum.add(jump);
  for (const rules of services) sumService(sum, rules, 'add');
  return sum;
}

/** Sums up what is saved. */
export function summing(): { readonly sum: RuleSum; readonly visitor: SaveVisitor } {
  const sum = new RuleSum();
  const places = new Map<string, number>();
  const rule = (table: Table, chain: string, text: string): void => {
    const name = `${table} ${chain}`;
    const place = places.get(name);
    if (place !== undefined) {
      sum.add(`${name} ${place} ${text}`);
      places.set(name, place + 1);
    } else if (SHARED.has(name) || (KERNELS.has(name) && OUR_JUMPS.has(`${name} ${text}`))) sum.add(`${name} ${text}`);
  };
  const chain = (table: Table, chainName: string): void => {
    const name = `${table} ${chainName}`;
    if (isOwn(name)) places.set(name, 0);
    if (isOwn(name) || SHARED.has(name)) sum.add(name);
  };
  return { sum, visitor: { chain, rule } };
}
