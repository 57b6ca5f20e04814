// The flags of a check: before it begins, `--help` is answered, and whatever is wrong with them is said.
import { describeFlags, type Flags, parseFlags, type Values } from '../../host/flags.ts';
import { UsageError } from '../../host/lifecycle.ts';

/** `name`: as `npm run` knows it. Ends the process with 0 after help, with 2 when a word is wrong. */
export function checkFlags<F extends Flags>(name: string, flags: F): Values<F> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    process.stdout.write(`npm run ${name} [-- FLAGS]\n\n${describeFlags(flags)}\n`);
    process.exit(0);
  }
  try {
    const { values, positionals } = parseFlags(flags, argv);
    if (positionals.length > 0) throw new UsageError(`unknown word: ${positionals[0]}; --help tells what may be said`);
    return values;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`npm run ${name}: ${error.message}\n`);
    process.exit(2);
  }
}
