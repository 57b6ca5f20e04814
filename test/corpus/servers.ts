// Two servers to ask the same: one of ours, made for it, and the one that a kubeconfig names.
import type { Connection } from '../../client/connection.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { startServerProcess } from '../harness/apiserver.ts';
import { Tally } from './tally.ts';

export interface Servers {
  readonly ours: Connection;
  readonly theirs: Connection;
}

/** `ask` asks both and counts. Prints where they differ, and returns the exit code. */
export async function compareServers(
  kubeconfig: string,
  ask: (servers: Servers, tally: Tally) => Promise<void>,
): Promise<number> {
  const theirs = await loadKubeconfig(kubeconfig);
  const server = await startServerProcess();
  const tally = new Tally();
  try {
    await ask({ ours: await loadKubeconfig(server.kubeconfig), theirs }, tally);
  } finally {
    await server.stop();
  }
  return tally.finish();
}
