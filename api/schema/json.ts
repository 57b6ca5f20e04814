// JSON as Go reads it: JSON.parse in the good case; a scanner of our own for what JSON.parse does not tell — Go's words for
// what is wrong, and keys given twice.

export interface ParsedJson {
  readonly value: unknown;
  /** Every key, in document order, when some are given twice; empty otherwise, and unless asked for. */
  readonly keys: readonly Key[];
}

export interface Key {
  /** `spec.ports[0].port` */
  readonly path: string;
  /** Whether its object has had it before. */
  readonly isRepeated: boolean;
}

/** Deeper texts are refused: whatever goes down a value takes a little of the stack for each level (Go's limit is 10,000). */
const MAX_DEPTH = 2_000;
export const TOO_DEEP = 'exceeded max depth';

/** Text that is no JSON; `message` is Go's (`unexpected end of JSON input`). */
export class JsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonError';
  }
}

/** Throws JsonError. Finding duplicates costs a second pass over the text, several times slower than JSON.parse. */
export function parseJson(text: string, options: { duplicates?: boolean } = {}): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    checkDepth(text);
    new Scanner(text).scan();
    throw new JsonError('invalid JSON');
  }
  checkDepth(text);
  return { value, keys: options.duplicates ? keysOf(text, value) : [] };
}

/** The paths of keys given twice, each once. */
export function duplicatesAmong(keys: readonly Key[]): string[] {
  return [...new Set(keys.filter(({ isRepeated }) => isRepeated).map(({ path }) => path))];
}

/** Throws JsonError. Only a long text can be deep. */
function checkDepth(text: string): void {
  if (text.length <= MAX_DEPTH) return;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth > MAX_DEPTH) throw new JsonError(`invalid character '${char}' ${TOO_DEEP}`);
  }
}

/** The place of the quotation mark that ends the string beginning at `start`, or the text's end. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const end = text.indexOf('"', at);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
    at = end;
  }
}

/** Counting keys is cheap, and only a text with more of them than its value has gave one twice. */
function keysOf(text: string, value: unknown): Key[] {
  let colons = 0;
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) colons += 1;
  if (colons === countKeys(value) && !/"\s+:/.test(text)) return [];
  return new Scanner(text).scan();
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += countKeys(item);
  else {
    for (const key in value) {
      count += 1;
      const inner = (value as Record<string, unknown>)[key];
      if (typeof inner === 'object') count += countKeys(inner);
    }
  }
  return count;
}

/** Reads a text by JSON's grammar and notes its keys; wording of encoding/json's scanner. */
class Scanner {
  readonly #text: string;
  readonly #keys: Key[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Throws JsonError at the first fault. */
  scan(): Key[] {
    this.#space();
    this.#value('');
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
    return this.#keys;
  }

  #value(path: string): void {
    const char = this.#text[this.#at];
    if (char === '{') this.#object(path);
    else if (char === '[') this.#array(path);
    else if (char === '"') this.#string();
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number();
    else if (char === 't') this.#literal('true');
    else if (char === 'f') this.#literal('false');
    else if (char === 'n') this.#literal('null');
    else this.#fail('looking for beginning of value');
  }

  #object(path: string): void {
    const seen = new Set<string>();
    this.#at += 1;
    this.#space();
    if (this.#take('}')) return;
    for (;;) {
      if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
      const key = this.#string();
      const inner = path === '' ? key : `${path}.${key}`;
      this.#keys.push({ path: inner, isRepeated: seen.has(key) });
      seen.add(key);
      this.#space();
      if (!this.#take(':')) this.#fail('after object key');
      this.#space();
      this.#value(inner);
      this.#space();
      if (this.#take('}')) return;
      if (!this.#take(',')) this.#fail('after object key:value pair');
      this.#space();
    }
  }

  #array(path: string): void {
    this.#at += 1;
    this.#space();
    if (this.#take(']')) return;
    for (let index = 0; ; index++) {
      this.#value(`${path}[${index}]`);
      this.#space();
      if (this.#take(']')) return;
      if (!this.#take(',')) this.#fail('after array element');
      this.#space();
    }
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === '"') break;
      if (char === undefined || char < ' ') this.#fail('in string literal');
      if (char === '\\') this.#escape();
      else this.#at += 1;
    }
    this.#at += 1;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #escape(): void {
    this.#at += 1;
    const char = this.#text[this.#at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char)) this.#fail('in string escape code');
    this.#at += 1;
    if (char !== 'u') return;
    for (const end = this.#at + 4; this.#at < end; this.#at += 1) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? '')) this.#fail('in \\u hexadecimal character escape');
    }
  }

  #number(): void {
    this.#take('-');
    if (!this.#take('0')) this.#digits('in numeric literal');
    if (this.#take('.')) this.#digits('after decimal point in numeric literal');
    if (this.#take('e') || this.#take('E')) {
      if (!this.#take('+')) this.#take('-');
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(where: string): void {
    const start = this.#at;
    while (this.#text[this.#at] >= '0' && this.#text[this.#at] <= '9') this.#at += 1;
    if (this.#at === start) this.#fail(where);
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++, this.#at++) {
      if (this.#text[this.#at] !== word[i]) this.#fail(`in literal ${word} (expecting '${word[i]}')`);
    }
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #fail(where: string): never {
    if (this.#at >= this.#text.length) throw new JsonError('unexpected end of JSON input');
    throw new JsonError(`invalid character ${quoteChar(this.#text[this.#at])} ${where}`);
  }
}

function quoteChar(char: string): string {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  if (/[\u0080-\u009f]/.test(char)) return `'\\u00${char.charCodeAt(0).toString(16)}'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}
