// `npm run check:swap [-- --minutes N --seed N]`: upstream's controller manager and scheduler at work on our API server, and equally long
// on upstream's, under the same load. Ends with 1 when they complained of something here that they never complain of there.
// KUBE_APISERVER, ETCD, KUBE_CONTROLLER_MANAGER and KUBE_SCHEDULER name the programs.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as z from 'zod';
import { apart } from '../network.ts';
import { checkFlags } from './flags.ts';
import { isRace } from './log-errors.ts';
import { type Programs, playSide, type SideOptions, type SideOutcome } from './swap-side.ts';

const FLAGS = {
  minutes: { type: z.coerce.number().positive().default(10), help: 'how long on each server (default 10)' },
  seed: { type: z.coerce.number().int().nonnegative().default(7), help: 'of the choices (default 7)' },
};
/** The other process's word that it is to play one side, followed by SideOptions as JSON. */
const SIDE = '--side';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

function programs(): Programs {
  const { KUBE_APISERVER, ETCD, KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER } = process.env;
  const found = {
    apiserver: KUBE_APISERVER,
    etcd: ETCD,
    controllerManager: KUBE_CONTROLLER_MANAGER,
    scheduler: KUBE_SCHEDULER,
  };
  if (Object.values(found).every((path) => path)) return found as Programs;
  throw new Error('KUBE_APISERVER, ETCD, KUBE_CONTROLLER_MANAGER and KUBE_SCHEDULER must name programs');
}

async function playApart(options: SideOptions): Promise<SideOutcome> {
  const [command, ...words] = apart([process.execPath, process.argv[1], SIDE, JSON.stringify(options)]);
  const { stdout } = await promisify(execFile)(command, words, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout) as SideOutcome;
}

function tell(server: string, { answers, errors }: SideOutcome): void {
  const counted = Object.entries(answers).map(([answer, times]) => `${times} × ${answer}`);
  say(`${server}: ${counted.sort().join(', ')}`);
  for (const [error, times] of Object.entries(errors).sort(([, a], [, b]) => b - a)) say(`${times} × ${error}`);
}

/** Returns the exit code. */
async function judge(): Promise<number> {
  const values = checkFlags('check:swap', FLAGS);
  const options = { programs: programs(), seconds: values.minutes * 60, seed: values.seed };
  const theirs = await playApart({ ...options, server: 'upstream' });
  tell('upstream', theirs);
  const ours = await playApart({ ...options, server: 'ours' });
  tell('ours', ours);
  const alone = Object.keys(ours.errors).filter((error) => !(error in theirs.errors) && !isRace(error));
  say(alone.length === 0 ? 'nothing was said of ours alone' : `said of ours alone:\n${alone.join('\n')}`);
  return alone.length === 0 ? 0 : 1;
}

const [first, side] = process.argv.slice(2);
if (first === SIDE && side) {
  const outcome = await playSide(JSON.parse(side) as SideOptions);
  process.stdout.write(JSON.stringify(outcome), () => process.exit(0));
} else {
  process.exitCode = await judge();
}
