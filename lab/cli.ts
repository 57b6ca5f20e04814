// The `vitrine` command: one row per program, each loaded only when it is asked for, so that every one starts fast.
import type { Program } from '../host/program.ts';
import manifest from '../package.json' with { type: 'json' };

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
  { name: 'lab stop', summary: "cuts a node's power", load: async () => (await import('./power.ts')).stopNode },
  { name: 'lab start', summary: 'boots a node that was stopped', load: async () => (await import('./power.ts')).startNode },
  { name: 'lab add', summary: 'adds a node', load: async () => (await import('./power.ts')).addNode },
  { name: 'lab remove', summary: 'takes a node away for good', load: async () => (await import('./power.ts')).removeNode },
  { name: 'lab reset', summary: 'deletes what was made', load: async () => (await import('./reset.ts')).reset },
  { name: 'image', summary: "loads, lists and removes a lab's images", load: async () => (await import('./image.ts')).image },
  { name: 'exec', summary: 'runs a command at a place of the lab', load: async () => (await import('./exec.ts')).exec },
  { name: 'tutorial', summary: 'walks the tutorial in a lab of its own and proves every claim', load: async () => (await import('./tutorial/tutorial.ts')).tutorial },
  { name: 'apiserver snapshot save', summary: 'writes the objects of a stopped API server to a file', load: async () => (await import('../apiserver/snapshot.ts')).snapshotSave as Program },
  { name: 'apiserver snapshot restore', summary: 'makes the data of a new API server of such a file', load: async () => (await import('../apiserver/snapshot.ts')).snapshotRestore as Program },
  { name: 'apiserver', summary: 'the API server', load: async () => (await import('../apiserver/main.ts')).apiserver as Program },
  { name: 'controllers', summary: 'the controller manager and the scheduler', load: async () => (await import('../controllers/main.ts')).controllers as Program },
  { name: 'proxy', summary: 'kube-proxy', load: async () => (await import('../proxy/main.ts')).proxy as Program },
  { name: 'node', summary: 'the node agent', load: async () => (await import('../node/main.ts')).node as Program },
  { name: 'dns', summary: 'cluster DNS', load: async () => (await import('../dns/main.ts')).dns as Program },
  { name: 'completion', summary: 'a script that completes commands in bash, zsh or fish', load: async () => (await import('./completion.ts')).completionOf(PROGRAMS) },
  { name: 'lab supervise', load: async () => (await import('./supervise.ts')).supervise },
  { name: 'lab apiserver', load: async () => (await import('./apiserver.ts')).apiserver },
  { name: 'lab controllers', load: async () => (await import('./controllers.ts')).controllers },
  { name: 'lab balancer', load: async () => (await import('./balancer/main.ts')).balancer },
  { name: 'lab machine', load: async () => (await import('./machine.ts')).machine },
];

/** Returns the exit code. */
async function run(said: readonly string[]): Promise<number> {
  const words = said[0] === 'help' ? [...said.slice(1), '--help'] : said;
  const row = PROGRAMS.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
  if (row) {
    const { main } = await import('../host/program.ts');
    return main(await row.load(), words.slice(row.name.split(' ').length), manifest.version);
  }
  if (words[0] === '--version') {
    process.stdout.write(`vitrine ${manifest.version}\n`);
    return 0;
  }
  const [first, second] = words;
  const group = PROGRAMS.filter(({ name }) => name.startsWith(`${first} `));
  const shown = group.length > 0 ? group : PROGRAMS;
  if (asksForHelp(group.length > 0 ? second : first)) {
    process.stdout.write(usage(shown));
    return 0;
  }
  const unknown = group.length > 0 ? `${first} ${second}` : first;
  process.stderr.write(`vitrine: no such command: ${unknown}\n\n${usage(shown)}`);
  return 2;
}

const asksForHelp = (word: string | undefined): boolean => [undefined, '--help', '-h', 'help'].includes(word);

function usage(rows: readonly Row[]): string {
  const shown = rows.filter(({ summary }) => summary);
  const width = Math.max(...shown.map(({ name }) => name.length));
  const list = shown.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n');
  return `Usage: vitrine COMMAND [flags]\n\n${list}\n\nvitrine COMMAND --help tells a command's flags.\n`;
}

// Not awaited, since a bundle with a code cache has no top-level await. What it throws ends the process, with its stack: Node itself
// would print the line of the bundle besides, which is very long.
void run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    process.stderr.write(`${error.stack ?? error}\n`);
    process.exit(1);
  },
);
