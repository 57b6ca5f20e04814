// The `vitrine` command: one row per program, each loaded only when it is asked for, so that every one starts fast.
import { readFileSync } from 'node:fs';
import type { Program } from '../host/program.ts';

interface Row {
  readonly name: string;
  /** Absent: a part of the lab that nobody starts by hand. */
  readonly summary?: string;
  load(): Promise<Program>;
}

// biome-ignore format: one row per program reads as a table
const PROGRAMS: readonly Row[] = [
  { name: 'lab up', summary: 'starts a cluster on this machine', load: async () => (await import('./up.ts')).up },
  { name: 'lab down', summary: 'ends it; what was made stays for the next start', load: async () => (await import('./down.ts')).down },
  { name: 'lab status', summary: 'its processes, nodes and addresses', load: async () => (await import('./status.ts')).status },
  { name: 'lab stop', summary: 'cuts a node off', load: async () => (await import('./power.ts')).stopNode },
  { name: 'lab start', summary: 'brings a node back that was stopped', load: async () => (await import('./power.ts')).startNode },
  { name: 'lab reset', summary: 'deletes what was made', load: async () => (await import('./reset.ts')).reset },
  { name: 'exec', summary: 'runs a command at a place of the lab', load: async () => (await import('./exec.ts')).exec },
  { name: 'apiserver', summary: 'the API server', load: async () => (await import('../apiserver/main.ts')).apiserver as Program },
  { name: 'controllers', summary: 'the controller manager and the scheduler', load: async () => (await import('../controllers/main.ts')).controllers as Program },
  { name: 'proxy', summary: 'kube-proxy', load: async () => (await import('../proxy/main.ts')).proxy as Program },
  { name: 'node', summary: 'the node agent', load: async () => (await import('../node/main.ts')).node as Program },
  { name: 'lab supervise', load: async () => (await import('./supervise.ts')).supervise },
  { name: 'lab forward', load: async () => (await import('./forward.ts')).forward },
  { name: 'lab machine', load: async () => (await import('./machine.ts')).machine },
];

const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

const words = process.argv.slice(2);
const row = PROGRAMS.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
if (row) {
  const { main } = await import('../host/program.ts');
  process.exitCode = await main(await row.load(), words.slice(row.name.split(' ').length), version);
} else if (words[0] === '--version') {
  process.stdout.write(`vitrine ${version}\n`);
} else {
  const shown = PROGRAMS.filter(({ summary }) => summary);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const list = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
  const usage = `Usage: vitrine COMMAND [flags]\n\n${list}\n\nvitrine COMMAND --help tells a command's flags.\n`;
  const asked = words.length === 0 || words[0] === '--help' || words[0] === '-h' || words[0] === 'help';
  (asked ? process.stdout : process.stderr).write(
    asked ? usage : `vitrine: no such command: ${words.slice(0, words[0] === 'lab' ? 2 : 1).join(' ')}\n\n${usage}`,
  );
  process.exitCode = asked ? 0 : 2;
}
