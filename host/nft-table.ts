// What `nft -j list table` says, read piece by piece while it comes: a large table is megabytes of JSON on one line, and parsing it
// in one go would stop everything else for as long as that takes.

/** What `nft -j list table` says, in pieces. Anonymous sets are left out. */
export interface ListedTable {
  /** chain → the comments of its rules, in order; '' for a rule without. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** set or map → key → value ('' in a set), as `keyText` and `valueText` write them. */
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly kinds: ReadonlyMap<string, 'set' | 'map'>;
}

/** Hears of what is listed, in its order: a set before its elements, a chain before its rules. */
export interface TableVisitor {
  chain?(name: string): void;
  /** `comment` is '' for a rule without. */
  rule?(chain: string, comment: string): void;
  set?(name: string, kind: 'set' | 'map'): void;
  /** `value` is '' in a set. */
  element?(set: string, key: string, value: string): void;
}

/** A value in nft's JSON (libnftables-json(5)): only the kinds that elements of typed sets are made of. */
type JsonValue =
  | string
  | number
  | { readonly concat: readonly JsonValue[] }
  | { readonly elem: { readonly val: JsonValue } };
type JsonVerdict = Readonly<Record<string, { readonly target: string } | null>>;
type JsonElement = JsonValue | readonly [JsonValue, JsonValue | JsonVerdict];

interface JsonSet {
  readonly name: string;
  readonly type: string | readonly string[];
}

interface JsonEntry {
  readonly chain?: { readonly name: string };
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly set?: JsonSet;
  readonly map?: JsonSet;
}

const codeOf = (sign: string): number => sign.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA] = [...'"\\,'].map(codeOf);
const [OPEN_BRACE, OPEN_BRACKET, CLOSE_BRACE, CLOSE_BRACKET] = [...'{[}]'].map(codeOf);
/** How deep things lie in `{"nftables": [ENTRY, …]}`: entries, and elements in `{"set": {…, "elem": [ELEMENT, …]}}`. */
const [ENTRIES, ELEMENTS] = [2, 5];
const ELEMENTS_FOLLOW = /"elem": ?\[$/;

/** Takes the text in pieces of any length. */
export class TableReader {
  readonly #visitor: TableVisitor;
  #depth = 0;
  #isQuoted = false;
  #isEscaped = false;
  /** Of the entry or element that has begun. */
  #text = '';
  /** The set whose elements are read. */
  #set: { readonly name: string; readonly protocolAt: number } | undefined;
  /** The entry was a set whose elements have been told. */
  #isTold = false;

  constructor(visitor: TableVisitor) {
    this.#visitor = visitor;
  }

  /** Throws SyntaxError when what is there is not JSON. */
  take(piece: string): void {
    let from = 0;
    /** What has been read since `from`, up to and with the character at `to`. */
    const cut = (to: number): string => {
      const text = this.#text + piece.slice(from, to + 1);
      this.#text = '';
      from = to + 1;
      return text;
    };
    for (let at = 0; at < piece.length; at += 1) {
      const code = piece.charCodeAt(at);
      if (this.#isQuoted) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === BACKSLASH) this.#isEscaped = true;
        else if (code === QUOTE) this.#isQuoted = false;
      } else if (code === QUOTE) this.#isQuoted = true;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#open(() => cut(at));
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#close(() => cut(at));
      else if (code === COMMA && this.#set && this.#depth === ELEMENTS) this.#element(cut(at).slice(0, -1));
    }
    this.#text += piece.slice(from);
  }

  #open(cut: () => string): void {
    this.#depth += 1;
    if (this.#depth === ENTRIES) cut();
    if (this.#depth !== ELEMENTS || this.#set || this.#isTold) return;
    const head = cut();
    if (!ELEMENTS_FOLLOW.test(head)) {
      this.#text = head;
      return;
    }
    const { set, map } = JSON.parse(`${head.replace(/^[ ,]+/, '')}]}}`) as JsonEntry;
    this.#begin((set ?? map)!, set ? 'set' : 'map');
  }

  #close(cut: () => string): void {
    this.#depth -= 1;
    if (this.#set && this.#depth === ELEMENTS - 1) {
      this.#element(cut().slice(0, -1));
      this.#set = undefined;
      this.#isTold = true;
    }
    if (this.#depth !== ENTRIES) return;
    const text = cut().replace(/^[ ,]+/, '');
    if (!this.#isTold) this.#entry(JSON.parse(text) as JsonEntry);
    this.#isTold = false;
  }

  #begin({ name, type }: JsonSet, kind: 'set' | 'map'): void {
    this.#visitor.set?.(name, kind);
    this.#set = { name, protocolAt: [type].flat().indexOf('inet_proto') };
  }

  #entry({ chain, rule, set, map }: JsonEntry): void {
    if (chain) this.#visitor.chain?.(chain.name);
    if (rule) this.#visitor.rule?.(rule.chain, rule.comment ?? '');
    const empty = set ?? map;
    if (empty) this.#visitor.set?.(empty.name, set ? 'set' : 'map');
  }

  #element(text: string): void {
    if (text.trim() === '') return; // after the last, or of an empty list
    const { name, protocolAt } = this.#set!;
    const item = JSON.parse(text) as JsonElement;
    if (!Array.isArray(item)) {
      this.#visitor.element?.(name, jsonText(item as JsonValue, protocolAt), '');
      return;
    }
    const [key, value] = item as readonly [JsonValue, JsonValue | JsonVerdict];
    const valueText = isPlain(value) ? jsonText(value, -1) : verdictText(value);
    this.#visitor.element?.(name, jsonText(key, protocolAt), valueText);
  }
}

/** Gathers everything. */
export function gathering(): { readonly table: ListedTable; readonly visitor: TableVisitor } {
  const chains = new Map<string, string[]>();
  const elements = new Map<string, Map<string, string>>();
  const kinds = new Map<string, 'set' | 'map'>();
  const visitor: TableVisitor = {
    chain: (name) => void chains.set(name, []),
    rule: (chain, comment) => void chains.get(chain)!.push(comment),
    set: (name, kind) => {
      kinds.set(name, kind);
      elements.set(name, new Map());
    },
    element: (set, key, value) => void elements.get(set)!.set(key, value),
  };
  return { table: { chains, elements, kinds }, visitor };
}

/** `nft -p` writes protocols as numbers, which needs no look into /etc/protocols for each element. */
const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

const isPlain = (value: JsonValue | JsonVerdict): value is JsonValue =>
  typeof value !== 'object' || 'concat' in value || 'elem' in value;

/** `protocolAt`: which field is a protocol; -1: none. */
function jsonText(value: JsonValue, protocolAt: number): string {
  if (typeof value !== 'object') return protocolAt === 0 ? protocolText(value) : String(value);
  if ('elem' in value) return jsonText(value.elem.val, protocolAt);
  if (!('concat' in value)) return JSON.stringify(value); // none of ours: no key that we write equals it
  const fields = value.concat as readonly (string | number)[];
  if (protocolAt < 0) return fields.join(' . ');
  return fields.map((one, at) => (at === protocolAt ? protocolText(one) : one)).join(' . ');
}

const protocolText = (value: string | number): string => PROTOCOLS[value as number] ?? String(value);

function verdictText(verdict: JsonVerdict): string {
  const [[name, to]] = Object.entries(verdict);
  return to ? `${name} ${to.target}` : name;
}
