// `npm run check:watch [-- --minutes N --seed N]`: looks for events that are lost, repeated, out of order or from the future. Ends
// with 1 when it found one, and says the seed.
import * as z from 'zod';
import { stopSignal } from '../../host/lifecycle.ts';
import { checkFlags } from './flags.ts';
import { judgeWatches } from './judge-watches.ts';

const FLAGS = {
  minutes: { type: z.coerce.number().positive().default(1), help: 'how long (default 1)' },
  seed: { type: z.coerce.number().int().nonnegative().optional(), help: 'of the choices (default by chance)' },
};

const values = checkFlags('check:watch', FLAGS);
const seed = values.seed ?? Math.floor(Math.random() * 2 ** 32);
process.stdout.write(`seed ${seed}\n`);
const { problems, events, lives, judged } = await judgeWatches({
  seed,
  seconds: values.minutes * 60,
  onProblem: (problem) => process.stdout.write(`${problem}\n`),
  signal: stopSignal(),
});
const found = Object.entries(judged).map(([what, times]) => `${times} × ${what}`);
process.stdout.write(`${events} events, ${lives} lives of the server; right: ${found.join(', ')}\n`);
process.stdout.write(problems.length === 0 ? 'nothing was wrong\n' : `${problems.length} problems; seed ${seed}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
