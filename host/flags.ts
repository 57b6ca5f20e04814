// Command-line flags as data: one table per program gives parsing, `--help` and checks against the docs.
import { parseArgs } from 'node:util';
import type * as z from 'zod';
import { UsageError } from './lifecycle.ts';

export interface Flag<T = unknown> {
  /** Checks and converts the text of the flag; its `default` is the flag's default. */
  readonly type: z.ZodType<T>;
  /** One line for `--help`; says units and the default's meaning. */
  readonly help: string;
  /** May be given several times; `type` then sees an array. */
  readonly multiple?: boolean;
  /** Takes no value: present means true. `--name=false` is understood too. */
  readonly boolean?: boolean;
}

export type Flags = Readonly<Record<string, Flag>>;
export type Values<F extends Flags> = { [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/**
 * Parses `argv` by the table. Throws UsageError that names the flag and what is wrong with it. `--` ends the flags;
 * `positionals` are what stands between and after them.
 */
export function parseFlags<F extends Flags>(
  flags: F,
  argv: readonly string[],
): { values: Values<F>; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, { type: 'string' as const, multiple: flag.multiple ?? false }]),
  );
  // `--detach` of a boolean flag becomes `--detach=true`, so that every flag has a value and one rule reads them all.
  const end = argv.indexOf('--');
  const head = (end < 0 ? argv : argv.slice(0, end)).map((word) =>
    word.startsWith('--') && flags[word.slice(2)]?.boolean ? `${word}=true` : word,
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: [...head, ...(end < 0 ? [] : argv.slice(end))],
      options,
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new UsageError(whatIsWrong(error as Error));
  }
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const given = parsed.values[name];
    const result = flag.type.safeParse(flag.boolean && given !== undefined ? given === 'true' : given);
    if (!result.success) throw new UsageError(`--${name}: ${result.error.issues[0].message}`);
    values[name] = result.data;
  }
  return { values: values as Values<F>, positionals: parsed.positionals };
}

/** In the words of the rest of the house; Node's own advise on words that begin with a dash. */
function whatIsWrong({ message }: Error): string {
  const [, flag] = /'(--?[^' ]+)/.exec(message) ?? [];
  if (!flag) return message;
  return message.startsWith('Unknown')
    ? `unknown flag: ${flag}; --help tells which there are`
    : `${flag}: wants a value`;
}

/** The flags part of `--help`, aligned, in the table's order. */
export function describeFlags(flags: Flags): string {
  const width = Math.max(...Object.keys(flags).map((name) => name.length));
  return Object.entries(flags)
    .map(([name, flag]) => `  --${name.padEnd(width)}  ${flag.help}`)
    .join('\n');
}
