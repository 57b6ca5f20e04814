// The nftables backend: a table of fixed rules, and map elements that follow the plan. A change costs what it touches.
import { check, type Exec } from '../../host/exec.ts';
import { hasOwnNetlinkLimits, Nft, NftTransaction } from '../../host/nft.ts';
import { watchRules } from '../../host/rule-watch.ts';
import type { Backend, RuleIndex } from '../backend.ts';
import type { IPFamily, Plan } from '../plan.ts';
import { isOneOf } from '../rule-sum.ts';
import { Applied, summing } from './applied.ts';
import { FIXED_CHAINS, fixedSets, nftFamily, TABLE } from './layout.ts';
import { repairTable } from './repair.ts';

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
  /** While the kernel is asked what it holds: the sums of all that it may say; undefined when that cannot be told. */
  #expected: Set<string> | undefined;

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
    const texts = tx.render(hasOwnNetlinkLimits() ? MAX_ELEMENTS : undefined);
    if (texts.length > 1) this.#expected = undefined; // what lies between two of them is nobody's sum
    for (const text of texts) await this.#nft.apply(text);
  }

  async #follow(applied: Applied, plan: Plan, changed: ReadonlySet<string>): Promise<Applied> {
    const tx = this.#transaction();
    applied.change(plan, changed, tx);
    this.#expected?.add(applied.sum);
    if (!tx.isEmpty) await this.#apply(tx);
    return applied;
  }

  /**
   * Writes what differs from what the kernel lists. Where that is refused (a map of another type, something in use that
   * should go, the rule of a map's chain changed by someone) the table is made from nothing.
   */
  async #repair(plan: Plan): Promise<Applied> {
    this.#expected = undefined;
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

  async isIntact(signal: AbortSignal): Promise<boolean | undefined> {
    if (!this.#applied) return undefined;
    const expected = new Set([this.#applied.sum]);
    this.#expected = expected;
    const { sum, visitor } = summing();
    try {
      const isThere = await this.#nft.readTable(nftFamily(this.#family), TABLE, visitor, { signal });
      return this.#expected === expected ? isOneOf(expected, isThere ? sum.value : undefined) : undefined;
    } finally {
      this.#expected = undefined;
    }
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
    await this.#nft.close();
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
    await this.#nft.close();
  }
}
