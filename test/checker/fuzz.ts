// `npm run check:fuzz [-- --requests N --seed N]`: sends requests made of the server's own OpenAPI documents, and looks for answers
// that say the server is at fault, that are late, or that do not come. Ends with 1 when it found one, and says the seed.
import * as z from 'zod';
import { stopSignal } from '../../host/lifecycle.ts';
import { checkFlags } from './flags.ts';
import { judgeRequests } from './judge-requests.ts';

const FLAGS = {
  requests: { type: z.coerce.number().int().positive().default(20_000), help: 'how many (default 20000)' },
  seed: { type: z.coerce.number().int().nonnegative().optional(), help: 'of the choices (default by chance)' },
};

const values = checkFlags('check:fuzz', FLAGS);
const seed = values.seed ?? Math.floor(Math.random() * 2 ** 32);
process.stdout.write(`seed ${seed}\n`);
const { problems, statuses } = await judgeRequests({
  seed,
  requests: values.requests,
  onProblem: (problem) => process.stdout.write(`${problem}\n`),
  signal: stopSignal(),
});
const counted = Object.entries(statuses).map(([status, times]) => `${times} × ${status}`);
process.stdout.write(`answers: ${counted.join(', ')}\n`);
process.stdout.write(problems.length === 0 ? 'nothing was wrong\n' : `${problems.length} problems; seed ${seed}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
