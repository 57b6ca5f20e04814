// The words of the Common Expression Language (github.com/google/cel-spec, doc/langdef.md), with the place of each.

export type LiteralType = 'bool' | 'bytes' | 'double' | 'int' | 'null_type' | 'string' | 'uint';

export interface Token {
  /** `field`: a name between backticks, which stands behind a dot only. */
  readonly kind: 'end' | 'field' | 'literal' | 'name' | 'symbol';
  readonly text: string;
  /** From 0, in the text. */
  readonly at: number;
  /** Of a literal. */
  readonly type?: LiteralType;
}

/** What cannot be read, and where. */
export class CelSyntaxError extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = 'CelSyntaxError';
    this.at = at;
  }
}

const ESCAPE = '\\\\(?:[abfnrtv\\\\?"\'`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})';
const RAW = '(?:"""[^]*?"""|\'\'\'[^]*?\'\'\'|"[^"\\n\\r]*"|\'[^\'\\n\\r]*\')';
const COOKED = [
  `"""(?:[^\\\\]|${ESCAPE})*?"""`,
  `'''(?:[^\\\\]|${ESCAPE})*?'''`,
  `"(?:[^"\\\\\\n\\r]|${ESCAPE})*"`,
  `'(?:[^'\\\\\\n\\r]|${ESCAPE})*'`,
].join('|');

const SPACE = /(?:[ \t\r\n\f]+|\/\/[^\n]*)*/y;
/** The first that fits is meant. */
const PATTERNS: ReadonlyArray<readonly [kind: Token['kind'], pattern: RegExp, type?: LiteralType]> = [
  ['literal', /\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y, 'double'],
  ['literal', /(?:0x[0-9a-fA-F]+|\d+)[uU]/y, 'uint'],
  ['literal', /0x[0-9a-fA-F]+|\d+/y, 'int'],
  ['literal', new RegExp(`(?:[bB][rR]|[rR][bB])${RAW}|[bB](?:${COOKED})`, 'y'), 'bytes'],
  ['literal', new RegExp(`[rR]${RAW}|${COOKED}`, 'y'), 'string'],
  ['literal', /(?:true|false)\b/y, 'bool'],
  ['literal', /null\b/y, 'null_type'],
  ['name', /[_a-zA-Z][_a-zA-Z0-9]*/y],
  ['field', /`[-\w./ ]+`/y],
  ['symbol', /[<>=!]=|&&|\|\||[-<>!+*/%?:.,()[\]{}]/y],
];

/** The last one is the end. Throws CelSyntaxError. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const token = tokenAt(text, at);
    tokens.push(token);
    at = skip(SPACE, text, at + token.text.length);
  }
  return [...tokens, { kind: 'end', text: '<EOF>', at }];
}

function tokenAt(text: string, at: number): Token {
  for (const [kind, pattern, type] of PATTERNS) {
    const end = skip(pattern, text, at);
    if (end > at) return { kind, text: text.slice(at, end), at, type };
  }
  throw new CelSyntaxError(`token recognition error at: '${text[at]}'`, at);
}

/** Where what `pattern` finds at `at` ends. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
