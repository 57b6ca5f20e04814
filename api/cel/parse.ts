// Expressions of the Common Expression Language as trees (github.com/google/cel-spec, doc/langdef.md, Syntax).
import { CelSyntaxError, type LiteralType, type Token, tokensOf } from './tokens.ts';

/** `at` is the place of what an error about it points to. */
export type Expression =
  | { readonly type: 'literal'; readonly of: LiteralType; readonly at: number }
  | { readonly type: 'name'; readonly name: string; readonly at: number }
  | { readonly type: 'select'; readonly target: Expression; readonly field: string; readonly at: number }
  | {
      readonly type: 'call';
      /** Of an operator as upstream spells it: `_&&_`. */
      readonly name: string;
      /** Undefined for functions that stand alone, and for operators. */
      readonly target?: Expression;
      readonly args: readonly Expression[];
      readonly at: number;
    }
  | { readonly type: 'list'; readonly items: readonly Expression[]; readonly at: number }
  | { readonly type: 'map'; readonly parts: readonly Expression[]; readonly at: number }
  | { readonly type: 'message'; readonly name: string; readonly values: readonly Expression[]; readonly at: number };

/** Nested deeper, upstream gives up too. */
const MAX_DEPTH = 250;
/** Operators and members in a row: whoever walks the tree must not run out of stack. */
const MAX_CHAIN = 1000;
const MAX_BYTES = 100_000;

/** No variable may be called so. */
export const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** What may begin a value, as upstream's grammar names it. */
const A_VALUE =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** From the loosest to the tightest. */
const LEVELS: ReadonlyArray<readonly string[]> = [
  ['||'],
  ['&&'],
  ['<', '<=', '>=', '>', '==', '!=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Throws CelSyntaxError. */
export function parse(text: string): Expression {
  if (text.length > MAX_BYTES) throw new CelSyntaxError(`expression code point size exceeds limit: ${MAX_BYTES}`, 0);
  return new Parser(tokensOf(text)).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#expression();
    const { kind, text, at } = this.#token;
    if (kind === 'end') return expression;
    const isLast = this.#tokens[this.#next + 1].kind === 'end';
    const head = isLast ? 'extraneous' : 'mismatched';
    throw new CelSyntaxError(`${head} input '${text}' expecting <EOF>`, at);
  }

  get #token(): Token {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    return this.#tokens[this.#next++];
  }

  #is(...symbols: string[]): boolean {
    const { kind, text } = this.#token;
    return (kind === 'symbol' || text === 'in') && symbols.includes(text);
  }

  #skip(symbol: string): boolean {
    if (!this.#is(symbol)) return false;
    this.#next++;
    return true;
  }

  #need(symbol: string): void {
    if (!this.#skip(symbol)) throw this.#unexpected(`'${symbol}'`);
  }

  #unexpected(expecting: string): CelSyntaxError {
    const { text, at } = this.#token;
    return new CelSyntaxError(`mismatched input '${text}' expecting ${expecting}`, at);
  }

  #tooDeep(): CelSyntaxError {
    return new CelSyntaxError('expression recursion limit exceeded', this.#token.at);
  }

  #name(): Token {
    const token = this.#token;
    if (token.kind !== 'name' || token.text === 'in') throw this.#unexpected('IDENTIFIER');
    return this.#take();
  }

  #expression(): Expression {
    if (++this.#depth > MAX_DEPTH) throw this.#tooDeep();
    const condition = this.#operation(0);
    const { at } = this.#token;
    let expression = condition;
    if (this.#skip('?')) {
      const yes = this.#operation(0);
      this.#need(':');
      expression = { type: 'call', name: '_?_:_', args: [condition, yes, this.#expression()], at };
    }
    this.#depth--;
    return expression;
  }

  #operation(level: number): Expression {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#operation(level + 1);
    for (let length = 0; this.#is(...LEVELS[level]); length++) {
      if (length > MAX_CHAIN) throw this.#tooDeep();
      const { text, at } = this.#take();
      const name = text === 'in' ? '@in' : `_${text}_`;
      left = { type: 'call', name, args: [left, this.#operation(level + 1)], at };
    }
    return left;
  }

  #unary(): Expression {
    const signs: Token[] = [];
    while (this.#is(...(signs[0] ? [signs[0].text] : ['!', '-']))) signs.push(this.#take());
    if (signs.length > MAX_CHAIN) throw this.#tooDeep();
    return signs.reduceRight<Expression>(
      (of, { text, at }) => ({ type: 'call', name: `${text}_`, args: [of], at }),
      this.#member(),
    );
  }

  #member(): Expression {
    let target = this.#primary();
    for (let length = 0; ; length++) {
      if (length > MAX_CHAIN) throw this.#tooDeep();
      const { at } = this.#token;
      if (this.#skip('.')) target = this.#selected(target, at);
      else if (this.#skip('[')) {
        this.#skip('?');
        target = { type: 'call', name: '_[_]', args: [target, this.#expression()], at };
        this.#need(']');
      } else if (this.#is('{') && pathOf(target)) target = this.#message(pathOf(target)!, at);
      else return target;
    }
  }

  #selected(target: Expression, at: number): Expression {
    const isOptional = this.#skip('?');
    if (this.#token.kind === 'field') return { type: 'select', target, field: this.#take().text.slice(1, -1), at };
    const { text } = this.#name();
    if (isOptional || !this.#is('(')) return { type: 'select', target, field: text, at };
    const paren = this.#take().at;
    return { type: 'call', name: text, target, args: this.#list(')'), at: paren };
  }

  #primary(): Expression {
    const { kind, text, at, type } = this.#token;
    if (kind === 'literal') return { type: 'literal', of: this.#take() && type!, at };
    if (this.#skip('(')) {
      const inner = this.#expression();
      this.#need(')');
      return inner;
    }
    if (this.#skip('[')) return { type: 'list', items: this.#list(']'), at };
    if (this.#skip('{')) return { type: 'map', parts: this.#entries(), at };
    const isDotted = this.#skip('.');
    if (!isDotted && this.#token.kind !== 'name') throw this.#unexpected(A_VALUE);
    const name = this.#name();
    if (RESERVED.has(name.text)) throw new CelSyntaxError(`reserved identifier: ${text}`, at);
    if (!this.#is('(')) return { type: 'name', name: name.text, at };
    const paren = this.#take().at;
    return { type: 'call', name: name.text, args: this.#list(')'), at: paren };
  }

  /** Up to `end`, which is taken. */
  #list(end: string): Expression[] {
    const items: Expression[] = [];
    while (!this.#skip(end)) {
      if (end === ']') this.#skip('?');
      items.push(this.#expression());
      const goesOn = this.#skip(',');
      // Arguments end with no comma.
      if (goesOn ? end === ')' && this.#is(end) : !this.#is(end)) throw this.#unexpected(`'${end}'`);
    }
    return items;
  }

  #entries(): Expression[] {
    const parts: Expression[] = [];
    while (!this.#skip('}')) {
      this.#skip('?');
      parts.push(this.#expression());
      this.#need(':');
      parts.push(this.#expression());
      if (!this.#skip(',') && !this.#is('}')) throw this.#unexpected("'}'");
    }
    return parts;
  }

  #message(name: string, at: number): Expression {
    const values: Expression[] = [];
    this.#need('{');
    while (!this.#skip('}')) {
      this.#skip('?');
      if (this.#token.kind === 'field') this.#take();
      else this.#name();
      this.#need(':');
      values.push(this.#expression());
      if (!this.#skip(',') && !this.#is('}')) throw this.#unexpected("'}'");
    }
    return { type: 'message', name, values, at };
  }
}

/** `a.b.c` of names alone; undefined for anything else. */
export function pathOf(expression: Expression): string | undefined {
  if (expression.type === 'name') return expression.name;
  if (expression.type !== 'select') return undefined;
  const target = pathOf(expression.target);
  return target && `${target}.${expression.field}`;
}
