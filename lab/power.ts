// `vitrine lab stop NODE` and `lab start NODE`: pull a node's plug, and put it back.
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { askLab } from './control.ts';
import { directoryAt, dirFlag, needRunning } from './directory.ts';

function power(verb: 'stop' | 'start', summary: string): Program {
  return program({
    name: `lab ${verb}`,
    summary,
    usage: 'NODE',
    flags: { dir: dirFlag },
    async run({ dir }, { positionals }) {
      const [node, ...rest] = positionals;
      if (!node || rest.length > 0) throw new UsageError('name one node, such as node-2');
      const directory = directoryAt(dir);
      await needRunning(directory);
      await askLab(directory, 'POST', `/nodes/${verb}/${encodeURIComponent(node)}`);
      return 0;
    },
  }) as Program;
}

export const stopNode = power('stop', 'cuts a node off: its agent ends, its link goes down');
export const startNode = power('start', 'brings a node back that was stopped');
