// The iptables backend: renders a plan into upstream's chains, tells the kernel only what differs, and remembers what the
// kernel holds.
import { systemClock } from '../../host/clock.ts';
import { check, type Exec, ExecError } from '../../host/exec.ts';
import { Iptables } from '../../host/iptables.ts';
import { watchRules } from '../../host/rule-watch.ts';
import type { Backend, RuleIndex } from '../backend.ts';
import { type IPFamily, type Plan, reachableEndpoints } from '../plan.ts';
import { isOneOf, RuleSum } from '../rule-sum.ts';
import { CANARY, fixedChains, JUMPS, lastRules, SHARED_CHAINS } from './fixed-rules.ts';
import { change, removeAll, repair } from './kernel-diff.ts';
import { RestoreScript, SMALL } from './restore-script.ts';
import { ChainIndex } from './rule-index.ts';
import { type RenderOptions, renderService, type ServiceRules } from './service-rules.ts';
import { summing, sumOf, sumService } from './sums.ts';

/** Above this many endpoints upstream leaves comments out of service and endpoint chains. */
const LARGE_CLUSTER = 1000;
/**
 * Lines per restore. For each line iptables-nft 1.8.9 looks through the names of all chains of its input, so that inputs of
 * many thousand lines cost more than several small ones.
 */
const MAX_LINES = 2500;
const NFACCT_OBJECTS = ['ct_state_invalid_dropped_pkts', 'localhost_nps_accepted_pkts'];
/** ms between looks at the canary where the kernel does not tell of changes (iptables-legacy). */
const CANARY_POLL = 1000;

export interface IptablesOptions {
  readonly family?: IPFamily;
  readonly exec?: Exec;
}

export class IptablesBackend implements Backend {
  readonly name = 'iptables';
  readonly #exec: Exec;
  readonly #iptables: Iptables;
  readonly #index = new ChainIndex();
  readonly #rendered = new Map<string, ServiceRules>();
  readonly #endpointCounts = new Map<string, number>();
  #endpointTotal = 0;
  #maxLines = MAX_LINES;
  /** table → rules that are there whatever the services. */
  #fixedCounts: ReadonlyMap<string, number> = new Map();
  /** table → rules that the last sync wrote. */
  #written: ReadonlyMap<string, number> = new Map();
  #nfacct: Promise<boolean> | undefined;
  /** Of all rules of ours. */
  #sum = new RuleSum();
  /** While the kernel is asked what it holds: the sums of all that it may say; undefined when that cannot be told. */
  #expected: Set<string> | undefined;
  /** What all rules were rendered with; undefined while the kernel's state is not known. */
  #settings: string | undefined;

  constructor({ family = 'IPv4', exec = check }: IptablesOptions = {}) {
    this.#exec = exec;
    this.#iptables = new Iptables(family === 'IPv4' ? 4 : 6, exec);
  }

  get rules(): RuleIndex {
    return this.#index;
  }

  async sync(plan: Plan, changed?: ReadonlySet<string>): Promise<void> {
    const ids = this.#settings === undefined || !changed ? undefined : changed;
    this.#count(plan, ids);
    const options = await this.#options();
    const settings = JSON.stringify([plan.node, options]);
    const known = this.#settings;
    this.#settings = undefined;
    if (ids && known === settings) await this.#follow(plan, ids, options);
    else await this.#repair(plan, options);
    this.#settings = settings;
  }

  #count(plan: Plan, ids: ReadonlySet<string> | undefined): void {
    if (!ids) {
      this.#endpointCounts.clear();
      this.#endpointTotal = 0;
    }
    for (const id of ids ?? plan.services.keys()) {
      const port = plan.services.get(id);
      const now = port ? reachableEndpoints(port).length : 0;
      this.#endpointTotal += now - (this.#endpointCounts.get(id) ?? 0);
      this.#endpointCounts.set(id, now);
    }
  }

  async #options(): Promise<RenderOptions> {
    this.#nfacct ??= this.#makeCounters();
    return { withComments: this.#endpointTotal <= LARGE_CLUSTER, nfacct: await this.#nfacct };
  }

  /** Named packet counters are made by the `nfacct` tool; without it the rules go without them. */
  async #makeCounters(): Promise<boolean> {
    try {
      for (const name of NFACCT_OBJECTS) {
        await this.#exec(['nfacct', 'add', name]).catch(async (error: unknown) => {
          await this.#exec(['nfacct', 'get', name]).catch(() => Promise.reject(error));
        });
      }
      return true;
    } catch (error) {
      if (error instanceof ExecError) return false;
      throw error;
    }
  }

  /** As of the last sync. */
  get ruleCounts(): ReadonlyMap<string, { total: number; last: number }> {
    const total = new Map(this.#fixedCounts);
    const add = (table: string, rules: readonly string[]): void => {
      total.set(table, (total.get(table) ?? 0) + rules.length);
    };
    for (const { chains, shared } of this.#rendered.values()) {
      for (const rules of chains.values()) add('nat', rules);
      for (const [name, rules] of shared) add(name.split(' ')[0], rules);
    }
    const tables = ['filter', 'nat'];
    return new Map(tables.map((at) => [at, { total: total.get(at) ?? 0, last: this.#written.get(at) ?? 0 }]));
  }

  async #follow(plan: Plan, changed: ReadonlySet<string>, options: RenderOptions): Promise<void> {
    const script = new RestoreScript();
    const fresh = new Map<string, ServiceRules | undefined>();
    for (const id of changed) {
      const port = plan.services.get(id);
      const now = port && renderService(port, plan, options);
      change(this.#rendered.get(id), now, script);
      sumService(this.#sum, this.#rendered.get(id), 'remove');
      sumService(this.#sum, now, 'add');
      fresh.set(id, now);
    }
    this.#expected?.add(this.#sum.value);
    await this.#apply(script);
    for (const [id, now] of fresh) {
      const port = plan.services.get(id);
      if (now && port) {
        this.#rendered.set(id, now);
        this.#index.set(port);
      } else {
        this.#rendered.delete(id);
        this.#endpointCounts.delete(id);
        this.#index.delete(id);
      }
    }
  }

  async #repair(plan: Plan, options: RenderOptions): Promise<void> {
    for (const id of [...this.#rendered.keys()]) {
      this.#rendered.delete(id);
      this.#index.delete(id);
    }
    for (const [id, port] of plan.services) {
      this.#rendered.set(id, renderService(port, plan, options));
      this.#index.set(port);
    }
    const script = new RestoreScript();
    const fixed = fixedChains(plan, options);
    this.#fixedCounts = countRules(fixed, plan);
    const wanted = {
      fixed,
      services: this.#rendered.values(),
      shared: new Map(SHARED_CHAINS.map((name) => [name, { last: lastRules(name, plan) }])),
    };
    this.#expected = undefined;
    this.#sum = sumOf(wanted, this.#rendered.values());
    repair(await this.#iptables.save(), wanted, script);
    await this.#apply(script);
  }

  async isIntact(signal: AbortSignal): Promise<boolean | undefined> {
    if (this.#settings === undefined) return undefined;
    const expected = new Set([this.#sum.value]);
    this.#expected = expected;
    const { sum, visitor } = summing();
    try {
      await this.#iptables.read(visitor, signal);
      return this.#expected === expected ? isOneOf(expected, sum.value) : undefined;
    } finally {
      this.#expected = undefined;
    }
  }

  /** Where the kernel limits a netlink message, finds out how much it takes. */
  async #apply(script: RestoreScript): Promise<void> {
    this.#written = script.ruleCounts;
    for (let from: number | undefined = script.isEmpty ? undefined : 0; from !== undefined; ) {
      const { input, next } = script.render(from, this.#maxLines);
      // What lies between two inputs, or the tables of one, is nobody's sum.
      if (next !== undefined || input.indexOf('COMMIT') !== input.lastIndexOf('COMMIT')) this.#expected = undefined;
      try {
        await this.#iptables.restore(input);
        from = next;
      } catch (error) {
        if (!isTooLong(error) || this.#maxLines <= SMALL) throw error;
        this.#maxLines = Math.max(SMALL, Math.floor(this.#maxLines / 2));
      }
    }
  }

  /**
   * The kernel tells of deleted chains and of rules taken out of its own chains, which our syncs never do; a flush of one
   * service's chain is found by the next full sync.
   */
  async guard(lost: () => void, signal: AbortSignal): Promise<void> {
    if (await this.#kernelTells()) await this.#listen(lost, signal);
    else await this.#poll(lost, signal);
    await this.#iptables.close();
  }

  #listen(lost: () => void, signal: AbortSignal): Promise<void> {
    const family = this.#iptables.family === 4 ? 'ip' : 'ip6';
    const tables = `table ${family} (?:mangle|nat|filter)$`;
    const jumps = `rule ${family} (?:nat|filter) (?:PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)\\b`;
    const pattern = `^delete (?:${tables}|chain ${family} (?:mangle|nat|filter) ${CANARY}$|${jumps})`;
    // Our own large loads make such gaps: looking at a few chains tells whether more than that has happened.
    const onGap = (): void => {
      this.#isStanding().then(
        (isStanding) => isStanding || signal.aborted || lost(),
        () => lost(), // repairing tells what is wrong
      );
    };
    return watchRules({ pattern, onDelete: () => lost(), onGap, signal });
  }

  async #poll(lost: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await systemClock.sleep(CANARY_POLL, signal).catch(() => undefined); // aborted: the loop's condition ends it
      if (!signal.aborted && !(await this.#isCanaryThere())) lost();
    }
  }

  /** iptables-nft's rules are nftables rules, of whose changes the kernel tells. */
  async #kernelTells(): Promise<boolean> {
    const version = await this.#exec(['iptables', '--version']);
    if (!version.includes('nf_tables')) return false;
    return this.#exec(['nft', '--version']).then(
      () => true,
      () => false,
    );
  }

  /** Before the first sync there is no canary to look for. */
  async #isCanaryThere(): Promise<boolean> {
    if (this.#settings === undefined) return true;
    for (const table of ['mangle', 'nat', 'filter'] as const) {
      if (!(await this.#iptables.hasChain(table, CANARY))) return false;
    }
    return true;
  }

  async #isStanding(): Promise<boolean> {
    if (!(await this.#isCanaryThere())) return false;
    for (const { table, from, rule } of this.#settings === undefined ? [] : JUMPS) {
      const rules = await this.#iptables.rulesOf(table, from);
      if (!rules.includes(rule)) return false;
    }
    return true;
  }

  async cleanup(): Promise<void> {
    this.#settings = undefined;
    const own = new Set(SHARED_CHAINS as readonly string[]);
    for (const chain of ['KUBE-FORWARD', 'KUBE-FIREWALL', CANARY]) own.add(`filter ${chain}`);
    for (const chain of ['KUBE-MARK-MASQ', 'KUBE-POSTROUTING', CANARY]) own.add(`nat ${chain}`);
    own.add(`mangle ${CANARY}`);
    const script = new RestoreScript();
    removeAll(await this.#iptables.save(), own, script);
    await this.#apply(script);
    await this.#iptables.close();
  }
}

function countRules(fixed: ReturnType<typeof fixedChains>, plan: Plan): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (table: string, count: number): void => void counts.set(table, (counts.get(table) ?? 0) + count);
  for (const [table, chains] of fixed) for (const rules of chains.values()) add(table, rules.length);
  for (const { table } of JUMPS) add(table, 1);
  for (const name of SHARED_CHAINS) add(name.split(' ')[0], lastRules(name, plan).length);
  return counts;
}

const isTooLong = (error: unknown): boolean =>
  error instanceof ExecError && /Message too long|No buffer space/.test(error.stderr);
