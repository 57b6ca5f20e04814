// The nftables backend: a table of fixed rules, and map elements that follow the plan. A change costs what it touches.
import { createHash } from 'node:crypto';
import { check, type Exec } from '../../host/exec.ts';
import { type Element, hasOwnNetlinkLimits, type ListedTable, Nft, NftTransaction, valueText } from '../../host/nft.ts';
import { watchRules } from '../../host/rule-watch.ts';
import type { Backend, RuleIndex } from '../backend.ts';
import { endpointText, type IPFamily, type Plan, type ServicePort } from '../plan.ts';
import { addFixedChains, FIXED_CHAINS, fixedRules, fixedSets, type Group, nftFamily, TABLE } from './layout.ts';
import { type Frontend, frontendsOf, type ServiceState, serviceState } from './service-elements.ts';

/** Elements per transaction where the kernel limits a netlink message (user namespaces). */
const MAX_ELEMENTS = 2000;

export interface NftablesOptions {
  readonly family?: IPFamily;
  readonly exec?: Exec;
}

export class NftablesBackend implements Backend {
  readonly name = 'nftables';
  readonly #family: IPFamily;
  readonly #nft: Nft;
  /** What the kernel holds of each service port; undefined while its state is not known. */
  #applied: Applied | undefined;

  constructor({ family = 'IPv4', exec = check }: NftablesOptions = {}) {
    this.#family = family;
    this.#nft = new Nft(exec);
  }

  get rules(): RuleIndex {
    return { find: (name) => this.#applied?.find(name) };
  }

  async sync(plan: Plan, changed?: ReadonlySet<string>): Promise<void> {
    const applied = this.#applied;
    this.#applied = undefined;
    const isKnown = applied !== undefined && changed !== undefined && applied.settings === JSON.stringify(plan.node);
    this.#applied = isKnown ? await this.#follow(applied, plan, changed) : await this.#repair(plan);
  }

  #transaction(): NftTransaction {
    return new NftTransaction(nftFamily(this.#family), TABLE);
  }

  async #apply(tx: NftTransaction): Promise<void> {
    for (const text of tx.render(hasOwnNetlinkLimits() ? MAX_ELEMENTS : undefined)) await this.#nft.apply(text);
  }

  async #follow(applied: Applied, plan: Plan, changed: ReadonlySet<string>): Promise<Applied> {
    const tx = this.#transaction();
    applied.change(plan, changed, tx);
    if (!tx.isEmpty) await this.#apply(tx);
    return applied;
  }

  /**
   * Writes what differs from what the kernel lists. Where that is refused (a map of another type, something in use that
   * should go, the rule of a map's chain changed by someone) the table is made from nothing.
   */
  async #repair(plan: Plan): Promise<Applied> {
    const listed = await this.#nft.listTable(nftFamily(this.#family), TABLE);
    const applied = new Applied(plan);
    const wanted = applied.everything(plan);
    try {
      await this.#apply(repairTable(this.#transaction(), plan, wanted, listed));
    } catch (error) {
      if (!listed) throw error;
      const afresh = this.#transaction().addTable().deleteTable();
      await this.#apply(repairTable(afresh, plan, wanted, undefined));
    }
    return applied;
  }

  /** The kernel tells when someone deletes the table or a chain or map of it. */
  async guard(lost: () => void, signal: AbortSignal): Promise<void> {
    const where = `${nftFamily(this.#family)} ${TABLE}`;
    const fixed = [...FIXED_CHAINS, ...fixedSets(this.#family).keys()].join('|');
    await watchRules({
      pattern: `^delete (?:table ${where}$|(?:chain|set|map) ${where} (?:${fixed})$)`,
      onDelete: () => lost(),
      // Our own large loads make such gaps: the chains and sets, without elements, tell whether more than that has happened.
      onGap: () => {
        this.#isStanding().then(
          (isStanding) => isStanding || signal.aborted || lost(),
          () => lost(), // repairing tells what is wrong
        );
      },
      signal,
    });
    this.#nft.close();
  }

  async #isStanding(): Promise<boolean> {
    if (!this.#applied) return true; // a sync is under way, or has to repair anyhow
    const listed = await this.#nft.listTable(nftFamily(this.#family), TABLE, 'terse');
    const hasChains = [...FIXED_CHAINS].every((chain) => listed?.chains.has(chain));
    return hasChains && [...fixedSets(this.#family).keys()].every((set) => listed?.kinds.has(set));
  }

  async cleanup(): Promise<void> {
    this.#applied = undefined;
    await this.#apply(this.#transaction().addTable().deleteTable());
    this.#nft.close();
  }
}

/** Everything the table should hold beside its fixed chains. */
interface WantedTable {
  readonly groups: ReadonlyMap<string, Group>;
  readonly states: readonly ServiceState[];
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, Element>>;
}

/** Sets whose elements the kernel adds by itself: their content is the kernel's. */
const isSticky = (set: string): boolean => set.startsWith('sticky-');

function repairTable(
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

const textOf = (element: Element): string => (element.value ? valueText(element.value) : '');

/** Rules carry a digest of their text, by which a listing tells them: nft prints them in words of its own. */
const digest = (rule: string): string => createHash('sha256').update(rule).digest('hex').slice(0, 12);

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

function writeGroup(tx: NftTransaction, group: Group): void {
  if (group.map) tx.addSet('map', group.name, [group.map]);
  writeRules(tx, group.name, group.rules);
}

/** What is intact in `listed` is left alone. */
function writeOwn(tx: NftTransaction, state: ServiceState, listed?: ListedTable): void {
  for (const { name, definition } of state.sets.values()) tx.addSet('set', name, definition);
  for (const [name, rules] of state.chains) {
    if (!isIntact(listed?.chains.get(name), rules)) writeRules(tx, name, rules);
  }
}

/** What the kernel was told, and how a changed plan differs from it. */
class Applied {
  readonly settings: string;
  readonly #ports = new Map<string, { port: ServicePort; state: ServiceState }>();
  /** Frontend → ids of the service ports that claim it; the first one has it. */
  readonly #claims = new Map<string, string[]>();
  readonly #counts = new Map<string, number>();
  readonly #groups = new Map<string, Group>();

  constructor(plan: Plan) {
    this.settings = JSON.stringify(plan.node);
  }

  /** Takes in the whole plan. */
  everything(plan: Plan): WantedTable {
    const elements = new Map<string, Map<string, Element>>();
    const gather = (from: ServiceState['elements']): void => {
      for (const [set, items] of from) {
        const all = elements.get(set) ?? new Map<string, Element>();
        for (const [key, element] of items) all.set(key, element);
        elements.set(set, all);
      }
    };
    if (plan.node.nodePortIPs !== 'all') {
      gather(new Map([['nodeport-ips', new Map(plan.node.nodePortIPs.map((ip) => [ip, { key: [ip] }]))]]));
    }
    for (const port of plan.services.values()) this.#claim(port);
    for (const port of plan.services.values()) {
      const state = this.#state(port, plan);
      this.#ports.set(port.id, { port, state });
      for (const [name, group] of state.groups) this.#groups.set(name, group);
      gather(state.elements);
      gather(state.counted);
      for (const [set, items] of state.counted) for (const key of items.keys()) this.#count(set, key, 1);
    }
    return { groups: this.#groups, states: [...this.#ports.values()].map(({ state }) => state), elements };
  }

  /** Writes into `tx` what `changed` service ports, and those that wait for their frontends, need. */
  change(plan: Plan, changed: ReadonlySet<string>, tx: NftTransaction): void {
    const touched = new Set<string>();
    for (const id of changed) {
      const old = this.#ports.get(id)?.port;
      const now = plan.services.get(id);
      const heirs = old ? this.#unclaim(old, now) : [];
      for (const one of [id, ...heirs]) touched.add(one);
      if (now) this.#claim(now);
    }
    const before = new Map<string, ServiceState>();
    const after = new Map<string, ServiceState>();
    for (const id of touched) {
      const old = this.#ports.get(id);
      if (old) before.set(id, old.state);
      const port = plan.services.get(id);
      this.#ports.delete(id);
      if (!port) continue;
      const state = this.#state(port, plan);
      this.#ports.set(id, { port, state });
      after.set(id, state);
    }
    this.#write(before, after, tx);
  }

  #write(
    before: ReadonlyMap<string, ServiceState>,
    after: ReadonlyMap<string, ServiceState>,
    tx: NftTransaction,
  ): void {
    for (const state of after.values()) {
      for (const [name, group] of state.groups) {
        if (this.#groups.has(name)) continue;
        writeGroup(tx, group);
        this.#groups.set(name, group);
      }
      if (state.chains.size > 0) writeOwn(tx, state);
    }
    // Old elements go before new ones come: a frontend may pass from one service to another in one transaction.
    const adds: [string, Element][] = [];
    for (const id of new Set([...before.keys(), ...after.keys()])) {
      const [old, now] = [before.get(id), after.get(id)];
      adds.push(...compare(old?.elements, now?.elements, (set, element) => void tx.deleteElement(set, element.key)));
      for (const [set, items] of now?.counted ?? []) {
        for (const [key, element] of items) if (this.#count(set, key, 1) === 1) adds.push([set, element]);
      }
    }
    const removals: [string, Element][] = [];
    for (const old of before.values()) {
      for (const [set, items] of old.counted) {
        for (const [key, element] of items) if (this.#count(set, key, -1) === 0) removals.push([set, element]);
      }
    }
    for (const [set, element] of adds) tx.addElement(set, element);
    for (const [set, element] of removals) tx.deleteElement(set, element.key);
    this.#removeOwn(before, after, tx);
  }

  #removeOwn(
    before: ReadonlyMap<string, ServiceState>,
    after: ReadonlyMap<string, ServiceState>,
    tx: NftTransaction,
  ): void {
    const gone = (of: 'chains' | 'sets'): string[] =>
      [...before].flatMap(([id, state]) => [...state[of].keys()].filter((name) => !after.get(id)?.[of].has(name)));
    const chains = gone('chains');
    for (const chain of chains) tx.flushChain(chain);
    for (const chain of chains) tx.deleteChain(chain);
    for (const set of gone('sets')) tx.deleteSet('set', set);
  }

  #state(port: ServicePort, plan: Plan): ServiceState {
    return serviceState(port, plan, (frontend) => this.#claims.get(frontend.join(' . '))?.[0] === port.id);
  }

  #claim(port: ServicePort): void {
    for (const frontend of frontendsOf(port)) {
      const key = frontend.join(' . ');
      const claims = this.#claims.get(key);
      if (!claims) this.#claims.set(key, [port.id]);
      else if (!claims.includes(port.id)) claims.push(port.id);
    }
  }

  /** Returns the service ports that now have a frontend which `port` had and `now` does not claim. */
  #unclaim(port: ServicePort, now: ServicePort | undefined): string[] {
    const kept = new Set((now ? frontendsOf(now) : []).map((frontend) => frontend.join(' . ')));
    const heirs: string[] = [];
    for (const frontend of frontendsOf(port)) {
      const key = frontend.join(' . ');
      if (kept.has(key)) continue;
      const [first, ...others] = this.#claims.get(key) ?? [];
      const left = [first, ...others].filter((id) => id !== port.id);
      if (first === port.id && left.length > 0) heirs.push(left[0]);
      if (left.length > 0) this.#claims.set(key, left);
      else this.#claims.delete(key);
    }
    return heirs;
  }

  #count(set: string, key: string, by: 1 | -1): number {
    const name = `${set} ${key}`;
    const count = (this.#counts.get(name) ?? 0) + by;
    if (count > 0) this.#counts.set(name, count);
    else this.#counts.delete(name);
    return count;
  }

  /** `service-ips 10.96.0.20 . tcp . 80`, `endpoints-3 10.96.0.20 . tcp . 80 . 1`, or a chain of a service's own. */
  find(name: string): { servicePort: string; endpoint?: string } | undefined {
    const [set, key] = [name.split(' ')[0], name.slice(name.indexOf(' ') + 1)];
    if (!name.includes(' ')) {
      for (const [id, { state }] of this.#ports) if (state.chains.has(name)) return { servicePort: id };
      return undefined;
    }
    const fields: Frontend = key.split(' . ');
    const id = this.#claims.get(key)?.[0] ?? this.#claims.get(fields.slice(0, -1).join(' . '))?.[0];
    if (id === undefined) return undefined;
    const value = this.#ports.get(id)?.state.elements.get(set)?.get(key)?.value;
    if (value?.length !== 2) return { servicePort: id };
    return { servicePort: id, endpoint: endpointText({ ip: String(value[0]), port: Number(value[1]) }) };
  }
}

/** Calls `remove` for what is only in `old` or has another value there; returns what is to be added. */
function compare(
  old: ServiceState['elements'] | undefined,
  now: ServiceState['elements'] | undefined,
  remove: (set: string, element: Element) => void,
): [string, Element][] {
  const adds: [string, Element][] = [];
  for (const [set, items] of old ?? []) {
    const after = now?.get(set);
    for (const [key, element] of items) {
      const kept = after?.get(key);
      if (!kept || textOf(kept) !== textOf(element)) remove(set, element);
    }
  }
  for (const [set, items] of now ?? []) {
    const before = old?.get(set);
    for (const [key, element] of items) {
      const known = before?.get(key);
      if (!known || textOf(known) !== textOf(element)) adds.push([set, element]);
    }
  }
  return adds;
}
