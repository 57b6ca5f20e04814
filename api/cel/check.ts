// Whether an expression of the Common Expression Language can be meant: it can be read, everything that it names is declared, and
// where its type can be told, it is the one that is wanted. What functions take is not looked at, and a type that only they could
// tell is taken for the right one: this is the checker of a server that keeps expressions, not of one that evaluates them.
import { declaredBy, FUNCTIONS, PREDICATES, TYPES } from './functions.ts';
import { type Expression, parse, pathOf } from './parse.ts';
import { CelSyntaxError } from './tokens.ts';

/** Undefined: it cannot be told here. */
export type CelType =
  | { readonly name: string; readonly fields?: Readonly<Record<string, CelType | undefined>> }
  | undefined;

export interface Scope {
  readonly variables: ReadonlyMap<string, CelType>;
  /** Whether `Object{…}` and `JSONPatch{…}` may be made. */
  readonly makesPatches?: boolean;
}

export const DYN: CelType = { name: 'dyn' };
export const BOOL: CelType = { name: 'bool' };
const STRING: CelType = { name: 'string' };

/** Says what is wrong, in upstream's words; undefined when nothing is. `returns` names the types that it may evaluate to. */
export function checkExpression(text: string, scope: Scope, returns: readonly string[]): string | undefined {
  const { type, trouble } = compile(text, scope);
  if (trouble !== undefined) return trouble;
  if (!type || returns.length === 0 || returns.includes(type.name)) return undefined;
  const wanted = returns.length === 1 ? returns[0] : `one of [${returns.join(' ')}]`;
  return `must evaluate to ${wanted} but got ${type.name}`;
}

/** What an expression evaluates to, and what is wrong with it, in upstream's words. */
export function compile(text: string, scope: Scope): { readonly type: CelType; readonly trouble?: string } {
  const checker = new Checker(scope);
  try {
    const type = checker.typeOf(parse(text), scope.variables);
    return { type, trouble: told(text, checker.faults) };
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    const fault = { message: `Syntax error: ${error.message}`, at: error.at };
    return { type: undefined, trouble: told(text, [fault]) };
  }
}

interface Fault {
  readonly message: string;
  readonly at: number;
}

function told(text: string, faults: readonly Fault[]): string | undefined {
  if (faults.length === 0) return undefined;
  return `compilation failed: ${faults.map((fault) => located(text, fault)).join('\n')}`;
}

function located(text: string, { message, at }: Fault): string {
  const before = text.slice(0, at).split('\n');
  const column = before[before.length - 1].length;
  const line = text.split('\n')[before.length - 1];
  return `ERROR: <input>:${before.length}:${text ? column + 1 : 0}: ${message}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

type Variables = ReadonlyMap<string, CelType>;

class Checker {
  readonly faults: Fault[] = [];
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  typeOf(expression: Expression, variables: Variables): CelType {
    switch (expression.type) {
      case 'literal':
        return { name: expression.of };
      case 'name':
        return this.#named(expression.name, expression.at, variables);
      case 'select':
        return this.#selected(expression, variables);
      case 'call':
        return this.#called(expression, variables);
      case 'list':
        for (const item of expression.items) this.typeOf(item, variables);
        return undefined;
      case 'map':
        for (const part of expression.parts) this.typeOf(part, variables);
        return undefined;
      case 'message':
        if (!this.#isMessage(expression.name)) this.#undeclared(expression.name, expression.at);
        for (const value of expression.values) this.typeOf(value, variables);
        return { name: expression.name };
    }
  }

  #isMessage(name: string): boolean {
    return this.#scope.makesPatches === true && (name === 'JSONPatch' || /^Object(\.|$)/.test(name));
  }

  #undeclared(name: string, at: number): undefined {
    this.faults.push({ message: `undeclared reference to '${name}' (in container '')`, at });
  }

  #named(name: string, at: number, variables: Variables): CelType {
    if (variables.has(name)) return variables.get(name);
    return TYPES.has(name) ? { name: 'type' } : this.#undeclared(name, at);
  }

  #selected(expression: Expression & { type: 'select' }, variables: Variables): CelType {
    const path = pathOf(expression);
    if (path && variables.has(path)) return variables.get(path);
    if (path && TYPES.has(path)) return { name: 'type' };
    const target = this.typeOf(expression.target, variables);
    if (target?.name === 'dyn') return DYN;
    if (!target?.fields) return undefined;
    if (Object.hasOwn(target.fields, expression.field)) return target.fields[expression.field];
    this.faults.push({ message: `undefined field '${expression.field}'`, at: expression.at });
    return undefined;
  }

  #called(call: Expression & { type: 'call' }, variables: Variables): CelType {
    const { name, target, args, at } = call;
    const declared = target && declaredBy(name, args.length);
    if (declared !== undefined) return this.#macro(call, declared, variables);
    const namespace = target && pathOf(target);
    const whole = namespace ? `${namespace}.${name}` : name;
    if (target && !FUNCTIONS.has(whole)) this.typeOf(target, variables);
    const types = args.map((arg) => this.typeOf(arg, variables));
    if (OPERATOR.test(name)) return this.#operated(name, types, at);
    if (name === 'has' && !target && args.length === 1) return BOOL;
    if (!FUNCTIONS.has(whole) && !FUNCTIONS.has(name)) return this.#undeclared(name, at);
    return PREDICATES.has(FUNCTIONS.has(whole) ? whole : name) ? BOOL : undefined;
  }

  #macro({ name, target, args }: Expression & { type: 'call' }, declared: number, variables: Variables): CelType {
    this.typeOf(target!, variables);
    const inner = new Map(variables);
    for (const arg of args.slice(0, declared)) {
      if (arg.type === 'name') inner.set(arg.name, undefined);
      else this.faults.push({ message: 'argument must be a simple name', at: arg.at });
    }
    for (const arg of args.slice(declared)) this.typeOf(arg, inner);
    return name === 'all' || name.startsWith('exists') ? BOOL : undefined;
  }

  #operated(name: string, types: readonly CelType[], at: number): CelType {
    const said = types.map((type) => (type && BASIC.has(type.name) ? type.name : undefined));
    const fits = fitting(name, said);
    if (!fits) {
      const all = types.map((type) => type?.name ?? 'dyn').join(', ');
      this.faults.push({ message: `found no matching overload for '${name}' applied to '(${all})'`, at });
    }
    if (TELLS.has(name)) return BOOL;
    if (name === '_[_]') return types[0]?.name === 'dyn' ? DYN : undefined;
    if (name === '_+_' && said.includes('string')) return STRING;
    return undefined;
  }
}

const OPERATOR = /^(_|@in$|[!-]_$)/;
/** Types that no other one stands for. */
const BASIC = new Set(['bool', 'bytes', 'double', 'int', 'string', 'uint']);
const NUMBERS = new Set(['double', 'int', 'uint']);
const TELLS = new Set(['_&&_', '_||_', '!_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in']);

/** Whether there is such an operation; a type that is not known fits. */
function fitting(name: string, types: ReadonlyArray<string | undefined>): boolean {
  const known = types.filter((type) => type !== undefined);
  if (name === '_?_:_') return types[0] === undefined || types[0] === 'bool';
  if (name === '_&&_' || name === '_||_' || name === '!_') return known.every((type) => type === 'bool');
  if (name === '@in' || name === '_[_]') return true;
  if (known.length === 2 && known[0] !== known[1]) {
    return /^_[<>]=?_$/.test(name) && known.every((type) => NUMBERS.has(type));
  }
  if (name === '_==_' || name === '_!=_' || /^_[<>]=?_$/.test(name)) return true;
  if (name === '_+_') return !known.includes('bool');
  return known.every((type) => NUMBERS.has(type));
}
