// `npm run bench [-- NAME…]`: runs the benchmarks named, or all, and prints one table.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { describeFlags, parseFlags } from '../host/flags.ts';
import { stopSignal, UsageError } from '../host/lifecycle.ts';
import { apiserverStart } from './apiserver-start.ts';
import { dns } from './dns.ts';
import { lab } from './lab.ts';
import { memory } from './memory.ts';
import { ownership } from './ownership.ts';
import { pods } from './pods.ts';
import { proxy } from './proxy.ts';
import { size } from './size.ts';
import { streams } from './streams.ts';
import { type Bench, formatTable, type Row } from './table.ts';
import { watch } from './watch.ts';
import { writes } from './writes.ts';

const BENCHES: readonly Bench[] = [
  apiserverStart,
  ownership,
  writes,
  watch,
  memory,
  size,
  lab,
  pods,
  proxy,
  dns,
  streams,
];

const FLAGS = {
  seconds: { type: z.coerce.number().positive().default(2), help: 'how long each phase of load lasts, s (default 2)' },
  dir: {
    type: z.string().default(tmpdir()),
    help: 'where data goes: the disk that is measured (default the temporary directory)',
  },
  help: { type: z.boolean().default(false), help: 'this text', boolean: true },
};

function chosen(names: readonly string[]): readonly Bench[] {
  const known = BENCHES.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown) throw new UsageError(`no such benchmark: ${unknown}; there are ${known.join(', ')}`);
  return names.length > 0 ? BENCHES.filter(({ name }) => names.includes(name)) : BENCHES;
}

/** A benchmark that fails says so in its row, and the others are still run. */
async function measure(bench: Bench, seconds: number, dir: string, signal: AbortSignal): Promise<Row[]> {
  const scratch = await mkdtemp(join(dir, 'bench-'));
  try {
    return await bench.run({ scratch, seconds, signal });
  } catch (error) {
    process.exitCode = 1;
    return [{ what: bench.name, measured: `failed: ${(error as Error).message}` }];
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseFlags(FLAGS, argv);
  if (values.help) {
    const names = BENCHES.map(({ name }) => name).join('|');
    process.stdout.write(`Usage: npm run bench -- [flags] [${names}]…\n\n${describeFlags(FLAGS)}\n`);
    return;
  }
  const signal = stopSignal();
  const rows: Row[] = [];
  for (const bench of chosen(positionals)) {
    if (signal.aborted) break;
    process.stderr.write(`${bench.name}…\n`);
    rows.push(...(await measure(bench, values.seconds, values.dir, signal)));
  }
  const { model } = cpus()[0];
  process.stdout.write(
    `${cpus().length} × ${model}, Node ${process.version}, clients included\n\n${formatTable(rows)}\n`,
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
