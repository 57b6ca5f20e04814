// What every program of the house has: a name, flags as data, and one `run` that ends when its signal aborts.
import { describeFlags, type Flags, parseFlags, type Values } from './flags.ts';
import { stopSignal, UsageError } from './lifecycle.ts';
import { createLogger, type Logger } from './log.ts';

export interface Context {
  readonly positionals: readonly string[];
  /** Aborts on SIGTERM and SIGINT; `run` must then end every loop it started and return. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Of Vitrine, as package.json has it. */
  readonly version: string;
}

export interface Program<F extends Flags = Flags> {
  /** As typed after `vitrine`: `apiserver`, `lab up`. */
  readonly name: string;
  /** One line for `vitrine --help`. */
  readonly summary: string;
  /** What follows the flags in the usage line, such as `<node-1|internet|pod/NAME> -- COMMAND…`. Absent: nothing may. */
  readonly usage?: string;
  readonly flags: F;
  /** Returns the exit code; nothing means 0. Throws UsageError for what the user can mend. */
  run(values: Values<F>, context: Context): Promise<number | undefined>;
}

/** Keeps the flags' types when a program is written as an object literal. */
export function program<F extends Flags>(definition: Program<F>): Program<F> {
  return definition;
}

/** Runs `definition` with the words after its name; returns the exit code (0 fine, 1 failed, 2 wrong usage). */
export async function main(definition: Program, argv: readonly string[], version: string): Promise<number> {
  const beforeCommand = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (beforeCommand.includes('--help') || beforeCommand.includes('-h')) {
    const words = ['vitrine', definition.name, '[flags]', definition.usage].filter(Boolean).join(' ');
    process.stdout.write(`${definition.summary}\n\nUsage: ${words}\n\n${describeFlags(definition.flags)}\n`);
    return 0;
  }
  if (beforeCommand.includes('--version')) {
    process.stdout.write(`vitrine ${version}\n`);
    return 0;
  }
  try {
    const { values, positionals } = parseFlags(definition.flags, argv);
    if (positionals.length > 0 && definition.usage === undefined) {
      throw new UsageError(`unknown word: ${positionals[0]}; --help tells what may be said`);
    }
    const log = await createLogger(definition.name);
    return (await definition.run(values, { positionals, signal: stopSignal(), log, version })) ?? 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`vitrine ${definition.name}: ${error.message}\n`);
    return error.exitCode;
  }
}
