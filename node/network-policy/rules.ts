// From one PolicyPlan to the next in the kernel: only what differs is changed, in one transaction. The fixed part lets replies and
// what belongs to a known connection pass, and sends new connections of isolated pods through their chains; in a pod's own node's
// input and output nothing is filtered, since a pod can always talk with its node.
import { type NftFamily, NftTransaction } from '../../host/nft.ts';
import { type IPFamily, NO_POLICIES, type PolicyPlan, type PolicySet } from './plan.ts';

export const TABLE = 'vitrine-policy';

const DIRECTIONS = ['ingress', 'egress'] as const;

/** Everything from nothing, in place of what was there. */
export function wholeTable(plan: PolicyPlan, family: IPFamily): NftTransaction {
  const tx = transaction(family);
  const ip = nftFamily(family);
  const address = addressType(family);
  tx.addTable().deleteTable().addTable();
  tx.addSet('set', 'self', [`type ${address} . ${address}`]);
  for (const direction of DIRECTIONS) tx.addSet('map', direction, [`type ${address} : verdict`]);
  tx.addChain('forward', { type: 'filter', hook: 'forward', priority: 'filter' });
  tx.addRule('forward', 'ct state established,related accept');
  tx.addRule('forward', `${ip} saddr . ${ip} daddr @self accept`); // a pod that reaches itself through a Service
  tx.addRule('forward', `${ip} saddr vmap @egress`);
  tx.addRule('forward', `${ip} daddr vmap @ingress`);
  return addChanges(tx, NO_POLICIES, plan, family);
}

/** Whether there was one or not. */
export function noTable(family: IPFamily): NftTransaction {
  return transaction(family).addTable().deleteTable();
}

/** What makes `after` of a table that holds `before`. */
export function changesOf(before: PolicyPlan, after: PolicyPlan, family: IPFamily): NftTransaction {
  return addChanges(transaction(family), before, after, family);
}

function addChanges(tx: NftTransaction, before: PolicyPlan, after: PolicyPlan, family: IPFamily): NftTransaction {
  for (const [name, set] of after.sets) changeSet(tx, name, before.sets.get(name), set, family);
  for (const [name, rules] of after.chains) {
    if (before.chains.has(name)) continue; // its name is its content
    tx.addChain(name);
    for (const rule of rules) tx.addRule(name, rule);
  }
  for (const direction of DIRECTIONS) changeMap(tx, direction, before[direction], after[direction]);
  changeSelf(tx, isolated(before), isolated(after));
  const goneChains = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of goneChains) tx.flushChain(name);
  for (const name of goneChains) tx.deleteChain(name);
  for (const name of before.sets.keys()) if (!after.sets.has(name)) tx.deleteSet('set', name);
  return tx;
}

function changeSet(
  tx: NftTransaction,
  name: string,
  old: PolicySet | undefined,
  set: PolicySet,
  family: IPFamily,
): void {
  const port = set.holds === 'ports' ? ' . inet_service' : '';
  if (!old) tx.addSet('set', name, [`type ${addressType(family)}${port}`]);
  for (const element of set.elements)
    if (!old?.elements.has(element)) tx.addElement(name, { key: element.split(' . ') });
  for (const element of old?.elements ?? [])
    if (!set.elements.has(element)) tx.deleteElement(name, element.split(' . '));
}

function changeMap(
  tx: NftTransaction,
  map: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): void {
  for (const [address, chain] of before) if (after.get(address) !== chain) tx.deleteElement(map, [address]);
  for (const [address, chain] of after) {
    if (before.get(address) !== chain) tx.addElement(map, { key: [address], value: [`jump ${chain}`] });
  }
}

function changeSelf(tx: NftTransaction, before: ReadonlySet<string>, after: ReadonlySet<string>): void {
  for (const address of before) if (!after.has(address)) tx.deleteElement('self', [address, address]);
  for (const address of after) if (!before.has(address)) tx.addElement('self', { key: [address, address] });
}

const isolated = ({ ingress, egress }: PolicyPlan): Set<string> => new Set([...ingress.keys(), ...egress.keys()]);
const nftFamily = (family: IPFamily): NftFamily => (family === 'IPv4' ? 'ip' : 'ip6');
const addressType = (family: IPFamily): string => (family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr');
const transaction = (family: IPFamily): NftTransaction => new NftTransaction(nftFamily(family), TABLE);
