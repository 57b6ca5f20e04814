// The clients that are quick to play, and need nothing but what this machine has: kubectl. `npm run test:clients` plays them all.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '../../lab/testing.ts';
import { type Client, findProgram, kubectls } from './clients.ts';
import { makeReady, play } from './play.ts';

/** The oldest and the newest kubectl: those between them are of the same make. */
const quick = [...new Set([kubectls().at(0), kubectls().at(-1)])].filter((client) => client !== undefined);
const isHere = ({ needs }: Client): boolean => needs.every((program) => findProgram(program));

let cluster: TestCluster;
let directory: string;
beforeAll(async () => {
  cluster = await startCluster();
  directory = mkdtempSync(join(tmpdir(), 'vitrine-clients-'));
  writeFileSync(join(directory, 'kubeconfig'), cluster.kubeconfig);
});
afterAll(async () => {
  await cluster?.stop();
  if (directory) rmSync(directory, { recursive: true });
});

describe.concurrent('clients', () => {
  for (const client of quick) {
    it.skipIf(!isHere(client))(client.name, { timeout: 180_000 }, async () => {
      const cache = await makeReady(client);
      const options = { kubeconfig: join(directory, 'kubeconfig'), patienceMs: 120_000 };
      const { passed, failures } = await play(client, cache, options);
      expect(failures).toEqual([]);
      expect(passed).toBeGreaterThan(5);
    });
  }
});
