// Label selectors: the text that kubectl and watches send, and metav1.LabelSelector inside objects, as one thing that matches
// (k8s.io/apimachinery v0.36 pkg/labels/selector.go).
import { StatusError } from '../status.ts';
import type { LabelSelector as LabelSelectorSpec } from '../types/meta.v1.ts';
import { labelKeyErrors, labelValueErrors } from './syntax.ts';

export type Operator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

export interface LabelMatcher {
  readonly requirements: readonly LabelRequirement[];
  /** Whether it selects whatever there is. */
  readonly everything: boolean;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

const OPERATORS: Readonly<Record<string, Operator | undefined>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The selector of a null LabelSelector. */
export const NOTHING: LabelMatcher = { requirements: [], everything: false, matches: () => false };

export function matcher(requirements: readonly LabelRequirement[]): LabelMatcher {
  return {
    requirements,
    everything: requirements.length === 0,
    matches: (labels) => requirements.every((requirement) => satisfies(requirement, labels ?? {})),
  };
}

/** Null or undefined selects nothing, `{}` everything; an operator that does not exist selects nothing. */
export function labelSelectorOf(selector: LabelSelectorSpec | null | undefined): LabelMatcher {
  if (!selector) return NOTHING;
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = OPERATORS[operator];
    if (!known) return NOTHING;
    requirements.push({ key, operator: known, values: values ?? [] });
  }
  return matcher(requirements);
}

/** A plain map, as Services and ReplicationControllers have it: all of it must be there. */
export function labelSetSelector(labels: Readonly<Record<string, string>>): LabelMatcher {
  return labelSelectorOf({ matchLabels: { ...labels } });
}

function satisfies({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const has = Object.hasOwn(labels, key);
  const value = labels[key];
  switch (operator) {
    case '=':
    case 'in':
      return has && values.includes(value);
    case '!=':
    case 'notin':
      return !has || !values.includes(value);
    case 'exists':
      return has;
    case '!':
      return !has;
    case 'gt':
    case 'lt':
      if (!has || !/^-?\d+$/.test(value)) return false;
      return operator === 'gt' ? BigInt(value) > BigInt(values[0]) : BigInt(value) < BigInt(values[0]);
  }
}

/** Throws StatusError 400 with upstream's words. */
export function parseLabelSelector(text: string): LabelMatcher {
  return matcher(new Parser(tokenize(text)).parse());
}

/** The text of a selector, as status.selector of a Scale and a Deployment's printed column have it. */
export function formatLabelSelector(selector: LabelSelectorSpec | null | undefined): string {
  if (!selector) return '<none>';
  const { requirements } = labelSelectorOf(selector);
  if (requirements.length === 0) return '<none>';
  return formatRequirements(requirements);
}

/** Sorted by key, as upstream prints them. */
function formatRequirements(requirements: readonly LabelRequirement[]): string {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return sorted.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${[...values].sort().join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

const SYMBOLS = ['==', '!=', '=', '!', '(', ')', ',', '<', '>'];

/** Words and symbols; the last is '', the end. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    const symbol = SYMBOLS.find((one) => text.startsWith(one, at));
    if (/\s/.test(text[at])) at += 1;
    else if (symbol) {
      tokens.push(symbol);
      at += symbol.length;
    } else {
      const word = /^[^\s=!(),<>]+/.exec(text.slice(at))![0];
      tokens.push(word);
      at += word.length;
    }
  }
  return [...tokens, ''];
}

const isWord = (token: string): boolean => token !== '' && !SYMBOLS.includes(token);

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    if (this.#peek() === '') return requirements;
    for (;;) {
      const token = this.#peek();
      if (!isWord(token) && token !== '!') refuse(`found '${token}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#requirement());
      const after = this.#next();
      if (after === '') return requirements;
      if (after !== ',') refuse(`found '${after}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (!isWord(following) && following !== '!') refuse(`found '${following}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek() === '!';
    if (negated) this.#next();
    const key = this.#next();
    if (!isWord(key)) unparsable(`found '${key}', expected: identifier`);
    const errors = labelKeyErrors(key);
    if (errors.length > 0) unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${errors.join('; ')}`);
    if (negated) return { key, operator: '!', values: [] };
    if (this.#peek() === '' || this.#peek() === ',') return { key, operator: 'exists', values: [] };
    return this.#comparison(key);
  }

  #comparison(key: string): LabelRequirement {
    const operator = this.#next();
    switch (operator) {
      case '=':
      case '==':
      case '!=':
        return this.#checked({ key, operator: operator === '!=' ? '!=' : '=', values: [this.#single()] });
      case 'in':
      case 'notin':
        return this.#checked({ key, operator, values: this.#set() });
      case '<':
      case '>':
        return this.#number({ key, operator: operator === '<' ? 'lt' : 'gt', values: [this.#single()] });
      default:
        return unparsable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #single(): string {
    const token = this.#peek();
    if (token === '' || token === ',') return '';
    if (!isWord(token)) unparsable(`found '${token}', expected: identifier`);
    return this.#next();
  }

  #set(): string[] {
    const open = this.#next();
    if (open !== '(') unparsable(`found '${open}' expected: '('`);
    const values: string[] = [];
    let expectValue = true;
    for (;;) {
      const token = this.#next();
      if (token === ')') return expectValue ? [...values, ''] : values;
      if (token === ',') {
        if (expectValue) values.push('');
        expectValue = true;
      } else if (isWord(token) && expectValue) {
        values.push(token);
        expectValue = false;
      } else if (!expectValue) unparsable(`found '${token}', expected: ',' or ')'`);
      else unparsable(`found '${token}', expected: ',', ${values.length === 0 ? "')' or" : 'or'} identifier`);
    }
  }

  #checked(requirement: LabelRequirement): LabelRequirement {
    for (const [i, value] of requirement.values.entries()) {
      const errors = labelValueErrors(value);
      if (errors.length === 0) continue;
      unparsable(`values[${i}][${requirement.key}]: Invalid value: ${JSON.stringify(value)}: ${errors.join('; ')}`);
    }
    return requirement;
  }

  #number(requirement: LabelRequirement): LabelRequirement {
    const [value] = requirement.values;
    if (!/^[+-]?\d+$/.test(value)) {
      unparsable(
        `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    return requirement;
  }

  #peek(): string {
    return this.#tokens[this.#at];
  }

  #next(): string {
    return this.#tokens[Math.min(this.#at++, this.#tokens.length - 1)];
  }
}

function unparsable(why: string): never {
  return refuse(`unable to parse requirement: ${why}`);
}

function refuse(message: string): never {
  throw StatusError.badRequest(message);
}
