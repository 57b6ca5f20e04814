// A thin client of iptables: rules as typed values, checked when they are added and written exactly as `iptables-save`
// prints them, so that the kernel's state and ours compare as text; and `iptables-restore --noflush` to apply them.
import { isIP } from 'node:net';
import { check, type Exec, ExecError } from './exec.ts';
import { KeptProgram, NotKeptError } from './kept-program.ts';

export type Table = 'filter' | 'nat' | 'mangle';
export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

/** One `-m …` of a rule, in the order in which `iptables-save` prints them (the order in which they were given). */
export type Match =
  | { comment: string }
  /** Destination port; absent: the protocol's match without a port, as DNAT rules carry it. */
  | { protocol: TransportProtocol; dport?: number }
  | { addrtype: 'src' | 'dst' }
  | { ctstate: readonly string[]; not?: true }
  /** `mark & mask == mark`. */
  | { mark: number; not?: true }
  /** Probability in 0…1. */
  | { probability: number }
  | { recent: { name: string; set: true } | { name: string; seconds: number }; family: 4 | 6 }
  | { nfacct: string };

export type Target =
  | { jump: string }
  | { dnat: string }
  | { reject: 'icmp-port-unreachable' | 'icmp6-port-unreachable' }
  | { setMark: number; mask: number }
  | { masquerade: 'random-fully' | 'plain' };

export interface Rule {
  /** CIDR; `!` in front negates. */
  source?: string;
  destination?: string;
  /** Interface name, `+` at its end is a wildcard, `!` in front negates. */
  inInterface?: string;
  protocol?: TransportProtocol;
  matches?: readonly Match[];
  target?: Target;
}

/** Something that must never reach the kernel's tools. A bug of the caller, not of a user. */
export class InvalidRuleError extends Error {
  constructor(what: string, value: unknown) {
    super(`iptables: not a valid ${what}: ${JSON.stringify(value)}`);
    this.name = 'InvalidRuleError';
  }
}

const CHAIN = /^[A-Z][A-Z0-9-]{1,27}$/;
const INTERFACE = /^!?[\w.@-]{1,15}\+?$/;
// No quote, backslash or control character: nothing needs escaping. 255 bytes are what the comment match holds.
const COMMENT = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,255}$/;
const NAME = /^[\w-]{1,31}$/;
const PROTOCOL = /^(tcp|udp|sctp)$/;

function valid(what: string, pattern: RegExp, value: string): string {
  if (!pattern.test(value)) throw new InvalidRuleError(what, value);
  return value;
}

function port(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 65535) throw new InvalidRuleError('port', value);
  return value;
}

/** `10.0.0.0/8` of either family, `!` kept apart. */
function cidr(flag: string, value: string): string {
  const negated = value.startsWith('!');
  const text = negated ? value.slice(1) : value;
  const [ip, length] = text.split('/');
  const family = isIP(ip);
  if (!family || !/^\d{1,3}$/.test(length ?? '') || Number(length) > (family === 4 ? 32 : 128)) {
    throw new InvalidRuleError('CIDR', value);
  }
  return `${negated ? '! ' : ''}${flag} ${text}`;
}

/** The mark as the kernel's tools print it. */
const hex = (value: number): string => `0x${value.toString(16)}`;

/** What `--probability` becomes: the kernel keeps a 31-bit fraction of upstream's ten digits. */
function probability(value: number): string {
  if (!(value > 0 && value <= 1)) throw new InvalidRuleError('probability', value);
  return (Math.round(0x80000000 * Number(value.toFixed(10))) / 0x80000000).toFixed(11);
}

function recentText(recent: { name: string } & ({ set: true } | { seconds: number }), family: 4 | 6): string {
  const mask = family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const name = valid('recent list', NAME, recent.name);
  const what = 'set' in recent ? '--set' : `--rcheck --seconds ${Math.trunc(recent.seconds)} --reap`;
  return `-m recent ${what} --name ${name} --mask ${mask} --rsource`;
}

function matchText(match: Match): string {
  if ('comment' in match) return `-m comment --comment "${valid('comment', COMMENT, match.comment)}"`;
  if ('protocol' in match) {
    return `-m ${valid('protocol', PROTOCOL, match.protocol)}${match.dport === undefined ? '' : ` --dport ${port(match.dport)}`}`;
  }
  if ('addrtype' in match) return `-m addrtype --${match.addrtype}-type LOCAL`;
  if ('ctstate' in match) return `-m conntrack ${match.not ? '! ' : ''}--ctstate ${match.ctstate.join(',')}`;
  if ('mark' in match) return `-m mark ${match.not ? '! ' : ''}--mark ${hex(match.mark)}/${hex(match.mark)}`;
  if ('probability' in match) return `-m statistic --mode random --probability ${probability(match.probability)}`;
  if ('recent' in match) return recentText(match.recent, match.family);
  return `-m nfacct --nfacct-name  ${valid('nfacct object', NAME, match.nfacct)}`; // two blanks, as it is printed
}

function dnatText(destination: string): string {
  const [, ip, number] = /^\[?([^\]]+)\]?:(\d+)$/.exec(destination) ?? [];
  if (!isIP(ip ?? '') || !port(Number(number))) throw new InvalidRuleError('DNAT destination', destination);
  return `-j DNAT --to-destination ${destination}`;
}

function targetText(target: Target): string {
  if ('jump' in target) return `-j ${valid('chain', CHAIN, target.jump)}`;
  if ('dnat' in target) return dnatText(target.dnat);
  if ('reject' in target) return `-j REJECT --reject-with ${target.reject}`;
  if ('setMark' in target) return `-j MARK --set-xmark ${hex(target.setMark)}/${hex(target.mask)}`;
  return target.masquerade === 'random-fully' ? '-j MASQUERADE --random-fully' : '-j MASQUERADE';
}

/** The rule as `iptables-save` prints it after `-A CHAIN `. Throws InvalidRuleError. */
export function ruleText(rule: Rule): string {
  const words: string[] = [];
  if (rule.source) words.push(cidr('-s', rule.source));
  if (rule.destination) words.push(cidr('-d', rule.destination));
  if (rule.inInterface) {
    const name = valid('interface', INTERFACE, rule.inInterface);
    words.push(name.startsWith('!') ? `! -i ${name.slice(1)}` : `-i ${name}`);
  }
  if (rule.protocol) words.push(`-p ${valid('protocol', PROTOCOL, rule.protocol)}`);
  for (const match of rule.matches ?? []) words.push(matchText(match));
  if (rule.target) words.push(targetText(rule.target));
  return words.join(' ');
}

export function chainName(name: string): string {
  return valid('chain', CHAIN, name);
}

/** table → chain → its rules, each as `ruleText` writes it. */
export type SavedTables = Map<Table, Map<string, string[]>>;

/** Bytes of an input that a kept iptables-restore takes; larger ones are rare, and would leave it large. */
const KEPT_LIMIT = 256 * 1024;
const KEPT_TIMEOUT_MS = 60_000;

export class Iptables {
  readonly family: 4 | 6;
  readonly #exec: Exec;
  readonly #prefix: string;
  #kept: KeptProgram | undefined;

  constructor(family: 4 | 6, exec: Exec = check) {
    this.family = family;
    this.#exec = exec;
    this.#prefix = family === 4 ? 'iptables' : 'ip6tables';
  }

  /** Everything in the kernel. Throws ExecError. */
  async save(): Promise<SavedTables> {
    return parseSave(await this.#exec([`${this.#prefix}-save`], { timeoutMs: 600_000 }));
  }

  /** Tells `visitor` of everything in the kernel while it is listed. Throws ExecError, also when `signal` aborts. */
  async read(visitor: SaveVisitor, signal?: AbortSignal): Promise<void> {
    const reader = new SaveReader(visitor);
    const onOutput = (piece: string): void => reader.take(piece);
    await this.#exec([`${this.#prefix}-save`], { timeoutMs: 600_000, signal, onOutput });
  }

  /** Applies text of `iptables-restore`; each table's part is atomic. Throws ExecError. */
  async restore(input: string): Promise<void> {
    const argv = [`${this.#prefix}-restore`, '-w', '5', '--noflush'];
    if (this.#exec.spell && input.length <= KEPT_LIMIT) {
      this.#kept ??= keepRestoring(this.#exec.spell(['stdbuf', '-oL', ...argv, '--verbose']));
      try {
        await this.#kept.run(input, KEPT_TIMEOUT_MS);
        return;
      } catch (error) {
        if (!(error instanceof NotKeptError)) throw error;
      }
    }
    await this.#exec(argv, { input, timeoutMs: 600_000 });
  }

  /** Ends what is kept running; it starts again when needed. */
  async close(): Promise<void> {
    await this.#kept?.close();
  }

  /** One chain's rules, each as `ruleText` writes it. Throws ExecError, also when there is no such chain. */
  async rulesOf(table: Table, chain: string): Promise<string[]> {
    const text = await this.#exec([this.#prefix, '-w', '5', '-t', table, '-S', chainName(chain)]);
    const start = `-A ${chain} `;
    return text.split('\n').flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []));
  }

  /** Whether a chain exists. */
  async hasChain(table: Table, chain: string): Promise<boolean> {
    try {
      await this.#exec([this.#prefix, '-w', '5', '-t', table, '-S', chainName(chain), '1']);
      return true;
    } catch (error) {
      if (error instanceof ExecError && error.exitCode === 1) return false;
      throw error;
    }
  }
}

/**
 * An iptables-restore that never sees the end of its input: it commits at every COMMIT, repeats comments when it is verbose (line by
 * line under stdbuf, for on a pipe it would wait for more), and ends when something is refused.
 */
function keepRestoring(argv: readonly string[]): KeptProgram {
  return new KeptProgram({
    argv,
    ask: (text, turn) => `${text}# done ${turn}\n`,
    answer: ({ stdout }, turn) => (stdout.endsWith(`# done ${turn}\n`) ? stdout : undefined),
  });
}

/** Parses a text of `iptables-save`, counters or not. */
export function parseSave(text: string): SavedTables {
  const tables: SavedTables = new Map();
  const reader = new SaveReader({
    chain: (table, chain) => {
      const chains = tables.get(table) ?? new Map<string, string[]>();
      tables.set(table, chains.set(chain, []));
    },
    rule: (table, chain, rule) => void tables.get(table)!.get(chain)?.push(rule),
  });
  reader.take(`${text}\n`);
  return tables;
}

/** Hears of what is saved: a table's chains, then their rules, each as `ruleText` writes it. */
export interface SaveVisitor {
  chain(table: Table, chain: string): void;
  rule(table: Table, chain: string, rule: string): void;
}

/** Takes a text of `iptables-save` in pieces of any length. */
class SaveReader {
  readonly #visitor: SaveVisitor;
  #table: Table = 'filter';
  #rest = '';

  constructor(visitor: SaveVisitor) {
    this.#visitor = visitor;
  }

  take(piece: string): void {
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line.startsWith('*')) this.#table = line.slice(1) as Table;
    else if (line.startsWith(':')) this.#visitor.chain(this.#table, line.slice(1, line.indexOf(' ')));
    else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const chain = line.slice(3, end < 0 ? undefined : end);
      this.#visitor.rule(this.#table, chain, end < 0 ? '' : line.slice(end + 1));
    }
  }
}
