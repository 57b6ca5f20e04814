// What iptables-restore is told: steps in a safe order, written as one input where the kernel takes it in one piece (each
// table is then changed atomically), or else in several, whose order keeps every packet's way complete at any moment.
import { chainName, type Table } from '../../host/iptables.ts';

/**
 * Chains are built before anything jumps to them, jumps are turned next, and only then goes what nothing uses any more.
 * Unused chains are all emptied before the first is deleted, for they may jump to each other.
 */
const PHASES = ['declare', 'build', 'turn', 'empty', 'delete'] as const;
type Phase = (typeof PHASES)[number];

/** Lines that fit anywhere: even in a user namespace, where a netlink message holds about 208 KB, at 600 bytes a line. */
export const SMALL = 250;

const TABLES: readonly Table[] = ['mangle', 'filter', 'nat'];

export class RestoreScript {
  /** Each entry's lines belong into one input. */
  readonly #steps = new Map<string, string[][]>();

  /** Makes sure a chain exists, and empties it. */
  declare(table: Table, chain: string): void {
    this.#add(table, 'declare', [`:${chainName(chain)} - [0:0]`]);
  }

  /** Makes a chain, or makes it anew, with exactly these rules (texts of `ruleText`). */
  build(table: Table, chain: string, rules: readonly string[]): void {
    this.#add(table, 'build', [`:${chainName(chain)} - [0:0]`, ...rules.map((rule) => `-A ${chain} ${rule}`)]);
  }

  /** Takes `old` rules out of a chain and puts `now` at its top, in their order. */
  replace(table: Table, chain: string, old: readonly string[], now: readonly string[]): void {
    const removals = old.map((rule) => `-D ${chain} ${rule}`);
    this.#add(table, 'turn', [...removals, ...now.toReversed().map((rule) => `-I ${chain} ${rule}`)]);
  }

  append(table: Table, chain: string, rules: readonly string[]): void {
    this.#add(
      table,
      'turn',
      rules.map((rule) => `-A ${chain} ${rule}`),
    );
  }

  delete(table: Table, chain: string): void {
    this.#add(table, 'empty', [`:${chainName(chain)} - [0:0]`]);
    this.#add(table, 'delete', [`-X ${chain}`]);
  }

  #add(table: Table, phase: Phase, lines: string[]): void {
    if (lines.length === 0) return;
    const key = `${table} ${phase}`;
    const steps = this.#steps.get(key);
    if (steps) steps.push(lines);
    else this.#steps.set(key, [lines]);
  }

  /** table → how many rules are added. */
  get ruleCounts(): Map<Table, number> {
    const counts = new Map<Table, number>();
    for (const [key, steps] of this.#steps) {
      const table = key.split(' ')[0] as Table;
      for (const lines of steps) {
        const added = lines.filter((line) => line.startsWith('-A ') || line.startsWith('-I ')).length;
        counts.set(table, (counts.get(table) ?? 0) + added);
      }
    }
    return counts;
  }

  get isEmpty(): boolean {
    return this.#steps.size === 0;
  }

  /**
   * One input for iptables-restore: the steps from the `from`-th on, as many as fit into `maxLines` lines but one at least.
   * `next` is where the input after it begins; undefined after the last. More than one table stand only in an input that is
   * never too long: each is committed by itself, and what is refused must not have been done in part.
   */
  render(from = 0, maxLines = Number.POSITIVE_INFINITY): { input: string; next: number | undefined } {
    const parts: string[] = [];
    let [lines, at] = [0, 0];
    for (const table of TABLES) {
      const body: string[] = [];
      const close = (): void => {
        if (body.length > 0) parts.push(`*${table}\n${body.join('\n')}\nCOMMIT\n`);
      };
      for (const phase of PHASES) {
        for (const step of this.#steps.get(`${table} ${phase}`) ?? []) {
          at += 1;
          if (at <= from) continue;
          const most = parts.length > 0 ? Math.min(maxLines, SMALL) : maxLines;
          if (lines > 0 && lines + step.length > most) {
            close();
            return { input: parts.join(''), next: at - 1 };
          }
          for (const line of step) body.push(line);
          lines += step.length;
        }
      }
      close();
    }
    return { input: parts.join(''), next: undefined };
  }
}
