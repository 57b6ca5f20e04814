// `vitrine tutorial`: walks through "Kubernetes Services & Networking Deep Dive" from top to bottom in a lab of its own. Every command
// runs as the text has it, with the names and addresses of this lab; every claim about what happens is checked with real packets or
// the kernel's own state, every figure measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { RestClient } from '../../client/rest.ts';
import { systemClock } from '../../host/clock.ts';
import { UsageError } from '../../host/lifecycle.ts';
import { type Program, program } from '../../host/program.ts';
import { type Directory, directoryAt, findRunning } from '../directory.ts';
import { modeFlag, podNetworkFlag } from '../flags.ts';
import { DisprovedError, OpenError, SlowError } from './claim.ts';
import { problem } from './part-1-problem.ts';
import { networks } from './part-2-networks.ts';
import { services } from './part-3-services.ts';
import { controlPlane } from './part-4-control-plane.ts';
import { dataPlane } from './part-5-data-plane.ts';
import { advanced } from './part-6-advanced.ts';
import { troubleshooting } from './part-7-troubleshooting.ts';
import { Scene } from './scene.ts';
import type { Part, Step } from './step.ts';

const LOOK_EVERY_MS = 30;

const PARTS: readonly Part[] = [problem, networks, services, controlPlane, dataPlane, advanced, troubleshooting];

export const tutorial: Program = program({
  name: 'tutorial',
  summary: 'walks the tutorial in a lab of its own, and proves every claim',
  flags: { 'proxy-mode': modeFlag, 'pod-network': podNetworkFlag },
  async run(values, { signal }) {
    const directory = await mkdtemp(join(tmpdir(), 'vitrine-tutorial-'));
    const vitrine = [process.execPath, process.argv[1]];
    const { 'proxy-mode': proxyMode, 'pod-network': podNetwork } = values;
    const flags = [`--dir=${directory}`, `--proxy-mode=${proxyMode}`, `--pod-network=${podNetwork}`];
    try {
      const endLab = await startLab([...vitrine, 'lab', 'up', ...flags], directoryAt(directory));
      try {
        const kubeconfig = await loadKubeconfig(join(directory, 'kubeconfig'));
        const client = new RestClient(kubeconfig, { userAgent: 'vitrine-tutorial' });
        const scene = new Scene({ directory, client, proxyMode, podNetwork, vitrine });
        return await walk(scene, signal).finally(() => client.close());
      } finally {
        await endLab();
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
}) as Program;

/**
 * Runs `argv`, which holds a lab, until the function returned is called, or until this process ends, however that comes. Throws
 * when no lab stands up.
 */
async function startLab(argv: readonly string[], directory: Directory): Promise<() => Promise<void>> {
  // In a session of its own: Ctrl-C is for the walk, which then ends the lab.
  const launcher = spawn('setpriv', ['--pdeathsig', 'TERM', ...argv], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(launcher, 'close');
  let said = '';
  launcher.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!(await findRunning(directory))?.ready) {
    if (launcher.exitCode !== null || launcher.signalCode) {
      throw new UsageError(said.trim() || 'the lab did not start', 1);
    }
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  return async () => {
    launcher.kill();
    await ended;
  };
}

type Outcome = 'proved' | 'slower' | 'disproved' | 'open';

/** Returns the exit code: 0 when no claim was disproved. */
async function walk(scene: Scene, signal: AbortSignal): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const { title, steps } of PARTS) {
    say(`\n${title}\n\n`);
    for (const step of steps) {
      if (signal.aborted) return 130;
      outcomes.push(await take(step, scene));
    }
  }
  const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
  const slower = count('slower') > 0 ? ` (${count('slower')} slower than the text says)` : '';
  const proved = count('proved') + count('slower');
  say(`\n${proved} claims proved${slower}, ${count('disproved')} disproved, ${count('open')} open\n`);
  return count('disproved') === 0 ? 0 : 1;
}

async function take(step: Step, scene: Scene): Promise<Outcome> {
  try {
    return shown('proved', step, scene, await step.prove(scene));
  } catch (error) {
    if (error instanceof OpenError) return shown('open', step, scene, `open: ${error.message}`);
    if (error instanceof SlowError) return shown('slower', step, scene, error.message);
    if (error instanceof DisprovedError) return shown('disproved', step, scene, error.message);
    throw error;
  }
}

const SIGNS: Readonly<Record<Outcome, string>> = { proved: '✔', slower: '~', disproved: '✘', open: '–' };

function shown(outcome: Outcome, { claim }: Step, scene: Scene, seen: string): Outcome {
  say(`  ${SIGNS[outcome]} ${claim}\n${indented(scene.takeTyped(), '      $ ')}${indented([seen], '      ')}`);
  return outcome;
}

const say = (text: string): void => void process.stdout.write(text);

/** Each text behind `lead`; its further lines stand below its first. */
function indented(texts: readonly string[], lead: string): string {
  return texts.map((text) => `${lead}${text.replaceAll('\n', `\n${' '.repeat(lead.length)}`)}\n`).join('');
}
