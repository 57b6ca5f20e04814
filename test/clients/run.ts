// `npm run test:clients [-- NAME…]`: plays the clients named, or all that this machine has the tools for, each against an API server
// and controllers of its own. Ends with 1 when a check failed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startServerProcess, VITRINE } from '../harness/apiserver.ts';
import { allClients, type Client, findProgram } from './clients.ts';
import { makeReady, type Outcome, play } from './play.ts';

const PATIENCE_MS = 180_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function playOne(client: Client): Promise<Outcome> {
  const cache = await makeReady(client);
  const server = await startServerProcess();
  const { kubeconfig } = server;
  const controllers = spawn(process.execPath, [VITRINE, 'controllers', '--kubeconfig', kubeconfig], {
    stdio: 'ignore',
  });
  const ended = once(controllers, 'close');
  try {
    return await play(client, cache, { kubeconfig, onLine: (line) => say(`  ${line}`), patienceMs: PATIENCE_MS });
  } finally {
    controllers.kill('SIGTERM');
    await ended;
    await server.stop();
  }
}

/** Returns the exit code. */
async function main(names: readonly string[]): Promise<number> {
  const clients = allClients();
  const unknown = names.find((name) => !clients.some((client) => client.name === name));
  if (unknown) {
    say(`no such client: ${unknown}; there are ${clients.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const client of clients.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const lacks = client.needs.filter((program) => !findProgram(program));
    if (lacks.length > 0) {
      say(`${client.name}: skipped, since there is no ${lacks.join(', no ')}`);
      totals.skipped++;
      continue;
    }
    say(client.name);
    const { passed, failures } = await playOne(client).catch((error: Error) => {
      say(`  FAIL ${error.message}`);
      return { passed: 0, failures: [error.message] };
    });
    totals.passed += passed;
    totals.failed += failures.length;
  }
  say(`${totals.passed} checks passed, ${totals.failed} failed, ${totals.skipped} clients skipped`);
  return totals.failed > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
