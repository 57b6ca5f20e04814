// `vitrine lab stop NODE` and `lab start NODE`: cut a machine's power, and boot it again. `lab add` and `lab remove NODE`: machines
// that come and go for good.
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { askLab } from './control.ts';
import { directoryAt, dirFlag, needRunning } from './directory.ts';

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
  summary: 'adds a node to a lab that runs, and says its name: the next free one',
  flags: { dir: dirFlag },
  async run({ dir }) {
    const directory = directoryAt(dir);
    await needRunning(directory);
    const { name } = await askLab<{ name: string }>(directory, 'POST', '/nodes/add');
    process.stdout.write(`${name}\n`);
    return 0;
  },
}) as Program;
