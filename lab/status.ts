// `vitrine lab status`: what runs, since when, how often it was started again, and where everything is.
import { type Program, program } from '../host/program.ts';
import { askLab, type LabStatus } from './control.ts';
import { directoryAt, dirFlag, needRunning, type Running } from './directory.ts';
import { GATEWAY_IP, INTERNET_IP, nodeIP, nodeName, podCIDR } from './network.ts';

export const status: Program = program({
  name: 'lab status',
  summary: "shows a lab's processes, nodes and addresses",
  flags: { dir: dirFlag },
  async run({ dir }) {
    const directory = directoryAt(dir);
    const running = await needRunning(directory);
    const { processes } = await askLab<LabStatus>(directory, 'GET', '/status');
    const tables = [placesTable(running), processesTable(processes)].map(align);
    const api = `API server  https://127.0.0.1:${running.securePort}  (nodes: https://${GATEWAY_IP}:${running.securePort})`;
    process.stdout.write(`${api}\nkubeconfig  ${directory.kubeconfig}\n\n${tables.join('\n')}`);
    return 0;
  },
}) as Program;

function placesTable({ nodes }: Running): string[][] {
  const rows = Array.from({ length: nodes }, (_, i) => [nodeName(i + 1), nodeIP(i + 1), podCIDR(i + 1)]);
  return [['PLACE', 'ADDRESS', 'PODS'], ...rows, ['internet', INTERNET_IP, '']];
}

function processesTable(processes: LabStatus['processes']): string[][] {
  const rows = processes.map(({ name, pid, rss, startedAt, restarts }) => [
    name,
    pid ? String(pid) : 'down',
    rss ? `${Math.round(rss / 1024 / 1024)} MiB` : '',
    startedAt ? `${Math.round((Date.now() - startedAt) / 1000)} s` : '',
    String(restarts),
  ]);
  return [['PROCESS', 'PID', 'MEMORY', 'UP', 'RESTARTS'], ...rows];
}

function align(table: readonly string[][]): string {
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
