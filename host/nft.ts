// A thin client of nft: transactions of typed objects, checked when they are added, written as one text at the end; and the
// kernel's own news of changes (`nft monitor`).
import { readFileSync } from 'node:fs';
import { check, type Exec, ExecError } from './exec.ts';
import { KeptNft } from './kept-nft.ts';
import { NotKeptError } from './kept-program.ts';
import { gathering, type ListedTable, TableReader, type TableVisitor } from './nft-table.ts';

export type NftFamily = 'ip' | 'ip6';

export interface BaseHook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** A number, or a name with an offset: `dstnat`, `dstnat - 10`. */
  readonly priority: string;
}

export interface Element {
  /** Fields of the key, concatenated by ` . `. */
  readonly key: readonly (string | number)[];
  /** Of a map: fields of the value, or a verdict such as `goto endpoints-3`. */
  readonly value?: readonly (string | number)[];
}

/** Something that must never reach nft. A bug of the caller, not of a user. */
export class InvalidNftError extends Error {
  constructor(what: string, value: unknown) {
    super(`nft: not a valid ${what}: ${JSON.stringify(value)}`);
    this.name = 'InvalidNftError';
  }
}

// Names are letters, digits and a few signs; nft allows 127 bytes.
const NAME = /^[A-Za-z][\w/\\.-]{0,126}$/;
// An address or block, a number, a protocol: no word that means anything else.
const FIELD = /^(?:[\d.]+(?:\/\d+)?|[\da-f]*:[\da-f:.]*(?:\/\d+)?|tcp|udp|sctp)$/;
const COMMENT = /^[\w.:/-]+$/;
const VERDICT = /^(accept|drop|return|(goto|jump) [A-Za-z][\w/\\.-]*)$/;
// One statement line: nothing that would end it (newline, semicolon), start a comment or nest.
const STATEMENTS = /^[\w .:,@!=&|^<>+*/{}[\]"'()-]+$/;

function valid(what: string, pattern: RegExp, value: string): string {
  if (!pattern.test(value)) throw new InvalidNftError(what, value);
  return value;
}

/** One address, block, number or protocol, for keys, values and statements. Throws InvalidNftError. */
export const field = (value: string | number): string =>
  Number.isSafeInteger(value) ? String(value) : valid('field', FIELD, String(value));

export function keyText(key: Element['key']): string {
  return key.map(field).join(' . ');
}

export function valueText(value: NonNullable<Element['value']>): string {
  const [first] = value;
  if (value.length === 1 && typeof first === 'string' && VERDICT.test(first)) return first;
  return value.map(field).join(' . ');
}

interface Command {
  readonly text?: string;
  /** Elements are gathered: one command per run of the same verb and set. */
  readonly elements?: { verb: 'add' | 'delete'; set: string; items: string[] };
}

/** An ordered list of changes to one table, applied all or not at all. */
export class NftTransaction {
  readonly #where: string;
  readonly #commands: Command[] = [];

  constructor(family: NftFamily, table: string) {
    this.#where = `${family} ${valid('table', NAME, table)}`;
  }

  get isEmpty(): boolean {
    return this.#commands.length === 0;
  }

  #say(text: string): this {
    this.#commands.push({ text });
    return this;
  }

  /** Adding what is there already changes nothing. */
  addTable(): this {
    return this.#say(`add table ${this.#where}`);
  }

  deleteTable(): this {
    return this.#say(`delete table ${this.#where}`);
  }

  addChain(name: string, base?: BaseHook): this {
    const hook = base ? ` { type ${base.type} hook ${base.hook} priority ${base.priority}; policy accept; }` : '';
    return this.#say(`add chain ${this.#where} ${valid('chain', NAME, name)}${hook}`);
  }

  flushChain(name: string): this {
    return this.#say(`flush chain ${this.#where} ${valid('chain', NAME, name)}`);
  }

  deleteChain(name: string): this {
    return this.#say(`delete chain ${this.#where} ${valid('chain', NAME, name)}`);
  }

  /** `comment` is what a listing tells the rule by. */
  addRule(chain: string, statements: string, comment?: string): this {
    const tag = comment === undefined ? '' : ` comment "${valid('comment', COMMENT, comment)}"`;
    const text = valid('rule', STATEMENTS, statements) + tag;
    return this.#say(`add rule ${this.#where} ${valid('chain', NAME, chain)} ${text}`);
  }

  /** `definition` is what stands in the braces: type or typeof, flags, timeout; `;` between. */
  addSet(kind: 'set' | 'map', name: string, definition: readonly string[]): this {
    const body = definition.map((line) => `${valid('definition', STATEMENTS, line)};`).join(' ');
    return this.#say(`add ${kind} ${this.#where} ${valid('set', NAME, name)} { ${body} }`);
  }

  deleteSet(kind: 'set' | 'map', name: string): this {
    return this.#say(`delete ${kind} ${this.#where} ${valid('set', NAME, name)}`);
  }

  addElement(set: string, element: Element): this {
    const value = element.value ? ` : ${valueText(element.value)}` : '';
    return this.#element('add', set, keyText(element.key) + value);
  }

  deleteElement(set: string, key: Element['key']): this {
    return this.#element('delete', set, keyText(key));
  }

  #element(verb: 'add' | 'delete', set: string, item: string): this {
    const last = this.#commands.at(-1)?.elements;
    if (last?.verb === verb && last.set === set) last.items.push(item);
    else this.#commands.push({ elements: { verb, set: valid('set', NAME, set), items: [item] } });
    return this;
  }

  /**
   * Texts for `nft -f`, in order. One, unless the kernel takes only so many elements at a time: then the changes are not
   * atomic, and their order has to be a safe one.
   */
  render(maxElements = Number.POSITIVE_INFINITY): string[] {
    const texts: string[] = [];
    let lines: string[] = [];
    let weight = 0;
    const close = (): void => {
      if (lines.length > 0) texts.push(`${lines.join('\n')}\n`);
      lines = [];
      weight = 0;
    };
    for (const { text, elements } of this.#commands) {
      if (text !== undefined) {
        // A chain's rules stay with it: it must never be seen without them.
        if (weight >= maxElements && text.startsWith('add chain')) close();
        lines.push(text);
        weight += 4; // a chain or rule weighs as much as a few elements
        continue;
      }
      const { verb, set, items } = elements!;
      for (let from = 0; from < items.length; ) {
        if (weight >= maxElements) close();
        const part = items.slice(from, from + Math.min(items.length, maxElements - weight));
        lines.push(`${verb} element ${this.#where} ${set} { ${part.join(', ')} }`);
        weight += part.length;
        from += part.length;
      }
    }
    close();
    return texts;
  }
}

/** Bytes of a text that a kept nft takes; larger ones are rare, and would leave it large. */
const KEPT_LIMIT = 256 * 1024;
const KEPT_TIMEOUT_MS = 20_000;
const LIST_TIMEOUT_MS = 120_000;

type Depth = 'whole' | 'terse';

export class Nft {
  readonly #exec: Exec;
  #kept: KeptNft | undefined;

  constructor(exec: Exec = check) {
    this.#exec = exec;
  }

  /** Applies a text of `render`, atomically. Throws ExecError. */
  async apply(text: string): Promise<void> {
    if (this.#exec.spell && text.length <= KEPT_LIMIT) {
      try {
        this.#kept ??= new KeptNft(this.#exec.spell(['nft', '-i']));
        return await this.#kept.apply(text, KEPT_TIMEOUT_MS);
      } catch (error) {
        if (!(error instanceof NotKeptError)) throw error;
      }
    }
    await this.#exec(['nft', '-f', '-'], { input: text, timeoutMs: 120_000 });
  }

  /** Ends what is kept running; it starts again when needed. */
  async close(): Promise<void> {
    const kept = this.#kept;
    this.#kept = undefined;
    await kept?.close();
  }

  /** The table; undefined when there is none. `depth` terse leaves the elements out. Throws ExecError. */
  async listTable(family: NftFamily, table: string, depth: Depth = 'whole'): Promise<ListedTable | undefined> {
    const { table: listed, visitor } = gathering();
    return (await this.readTable(family, table, visitor, { depth })) ? listed : undefined;
  }

  /**
   * Tells `visitor` of the table while it is listed; resolves with whether there is one. As JSON: nft flushes its text after every
   * word, and a large table takes three times as long to come through a pipe. Throws ExecError, also when `signal` aborts.
   */
  async readTable(
    family: NftFamily,
    table: string,
    visitor: TableVisitor,
    { depth = 'whole', signal }: { depth?: Depth; signal?: AbortSignal } = {},
  ): Promise<boolean> {
    const reader = new TableReader(visitor);
    const flags = depth === 'terse' ? ['-t'] : [];
    const argv = ['nft', '-j', '-p', ...flags, 'list', 'table', family, valid('table', NAME, table)];
    try {
      await this.#exec(argv, { timeoutMs: LIST_TIMEOUT_MS, signal, onOutput: (piece) => reader.take(piece) });
      return true;
    } catch (error) {
      if (error instanceof ExecError && /No such file or directory/.test(error.stderr)) return false;
      throw error;
    }
  }
}

/**
 * Whether this process lives in a user namespace of its own. The kernel then refuses larger netlink buffers
 * (SO_SNDBUFFORCE), so that one transaction is limited to net.core.wmem_default, about 208 KB.
 */
export function hasOwnNetlinkLimits(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
}
