// What the kernel was told, and how a changed plan differs from it.
import type { Element, NftTransaction } from '../../host/nft.ts';
import type { TableVisitor } from '../../host/nft-table.ts';
import { endpointText, type Plan, type ServicePort } from '../plan.ts';
import { RuleSum } from '../rule-sum.ts';
import { fixedRules, type Group } from './layout.ts';
import { digest, isSticky, textOf, type WantedTable, writeGroup, writeOwn } from './repair.ts';
import { type Frontend, frontendsOf, type ServiceState, serviceState } from './service-elements.ts';

/** How rules and elements are summed. */
const summed = {
  /** `comment` is the rule's digest. */
  rule: (chain: string, place: number, comment: string): string => `${chain} ${place} ${comment}`,
  element: (set: string, key: string, value: string): string => `${set} ${key} ${value}`,
};

/** Sums up what is listed. */
export function summing(): { readonly sum: RuleSum; readonly visitor: TableVisitor } {
  const sum = new RuleSum();
  const places = new Map<string, number>();
  const visitor: TableVisitor = {
    rule: (chain, comment) => {
      const place = places.get(chain) ?? 0;
      places.set(chain, place + 1);
      sum.add(summed.rule(chain, place, comment));
    },
    element: (set, key, value) => {
      if (!isSticky(set)) sum.add(summed.element(set, key, value));
    },
  };
  return { sum, visitor };
}

export class Applied {
  readonly settings: string;
  /** Of all rules, and all elements that are not the kernel's own. */
  readonly #sum = new RuleSum();
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
    const states = [...this.#ports.values()].map(({ state }) => state);
    for (const [chain, rules] of fixedRules(plan.family, plan.node)) this.#sumChain(chain, rules);
    for (const { name, rules } of this.#groups.values()) this.#sumChain(name, rules);
    for (const { chains } of states) for (const [chain, rules] of chains) this.#sumChain(chain, rules);
    for (const [set, items] of elements) {
      for (const [key, element] of items) this.#sum.add(summed.element(set, key, textOf(element)));
    }
    return { groups: this.#groups, states, elements };
  }

  /** What `summing` comes to when the kernel holds all this and nothing else. */
  get sum(): string {
    return this.#sum.value;
  }

  #sumChain(chain: string, rules: readonly string[], how: 'add' | 'remove' = 'add'): void {
    for (const [place, rule] of rules.entries()) this.#sum[how](summed.rule(chain, place, digest(rule)));
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
        this.#sumChain(name, group.rules);
      }
      if (state.chains.size > 0) writeOwn(tx, state);
    }
    for (const { chains } of before.values())
      for (const [chain, rules] of chains) this.#sumChain(chain, rules, 'remove');
    for (const { chains } of after.values()) for (const [chain, rules] of chains) this.#sumChain(chain, rules);
    const remove = (set: string, element: Element): void => {
      tx.deleteElement(set, element.key);
      this.#sum.remove(summed.element(set, element.key.join(' . '), textOf(element)));
    };
    // Old elements go before new ones come: a frontend may pass from one service to another in one transaction.
    const adds: [string, Element][] = [];
    for (const id of new Set([...before.keys(), ...after.keys()])) {
      const [old, now] = [before.get(id), after.get(id)];
      adds.push(...compare(old?.elements, now?.elements, remove));
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
    for (const [set, element] of adds) {
      tx.addElement(set, element);
      this.#sum.add(summed.element(set, element.key.join(' . '), textOf(element)));
    }
    for (const [set, element] of removals) remove(set, element);
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
      for (const [servicePort, { state }] of this.#ports) {
        const rules = state.chains.get(name);
        if (!rules) continue;
        const [, endpoint] = / dnat ip6? to (\S+)$/.exec(rules.at(-1)!) ?? [];
        return endpoint === undefined ? { servicePort } : { servicePort, endpoint };
      }
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
