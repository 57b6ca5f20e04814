// `vitrine lab stop NODE` and `lab start NODE`: cut a machine's power, and boot it again. `lab add` and `lab remove NODE`: machines
// that come and go for good.
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { askLab } from './control.ts';
import { type Directory, directoryAt, dirFlag, needRunning } from './directory.ts';
import { nodesReady } from './ready.ts';

/** Of a new node until it is Ready, ms; two seconds are usual. */
const PATIENCE_MS = 30_000;

function power(verb: 'stop' | 'start' | 'remove', summary: string): Program {
  return program({
    name: `lab ${verb}`,
    summary,
    usage: 'NODE',
    flags: { dir: dirFlag },
    async run({ dir }, { positionals }) {
      const [node, ...rest] = positionals;
      if (!node || rest.length > 0) {
        const hint = verb === 'stop' ? '; to end the whole lab: vitrine lab down' : '';
        throw new UsageError(`name one node, such as node-2${hint}`);
      }
      const directory = directoryAt(dir);
      await needRunning(directory);
      await askLab(directory, 'POST', `/nodes/${verb}/${encodeURIComponent(node)}`);
      return 0;
    },
  }) as Program;
}

export const stopNode = power('stop', "cuts a node's power: its processes and rules are gone, its disk stays");
export const startNode = power('start', 'boots a node that was stopped');
export const removeNode = power('remove', 'takes a node away for good, with its disk and its pods');

export const addNode: Program = program({
  name: 'lab add',
  summary: 'adds a node to a lab that runs, and says its name, the next free one, when it is Ready',
  flags: { dir: dirFlag },
  async run({ dir }, { signal }) {
    const directory = directoryAt(dir);
    await needRunning(directory);
    const { name } = await askLab<{ name: string }>(directory, 'POST', '/nodes/add');
    await becomesReady(directory, name, signal);
    process.stdout.write(`${name}\n`);
    return 0;
  },
}) as Program;

/** Resolves also when `signal` aborts: nobody wants to wait for it any longer. */
async function becomesReady(directory: Directory, name: string, signal: AbortSignal): Promise<void> {
  const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-lab' });
  const tooLate = AbortSignal.timeout(PATIENCE_MS);
  try {
    await nodesReady(client, [name], () => {}, AbortSignal.any([signal, tooLate]));
  } catch (error) {
    if (signal.aborted) return;
    if (!tooLate.aborted) throw error;
    throw new UsageError(`${name} is added and not Ready yet; what it says is in ${directory.logs}/${name}.log`, 1);
  } finally {
    await client.close();
  }
}
