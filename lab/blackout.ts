// What is lost when a machine loses power: every process on it at once, without a word, and all that its kernel held.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { systemClock } from '../host/clock.ts';
import { deleteNetns, netnsPath } from '../host/netns.ts';
import { podNetnsName } from '../node/pod-network/pod-network.ts';
import { readSandboxRecords } from '../node/pods/sandbox-records.ts';
import { sweepCgroups } from '../node/process-runtime/cgroups.ts';

const LOOK_EVERY_MS = 10;

/**
 * Kills what runs in the node's namespace (its agent, and with their shims its containers) and in those of its pods, and lets the
 * namespaces go. `directory` is the node's own: it stays, as a disk does, and tells which pods there are.
 */
export async function blackOut(node: string, directory: string): Promise<void> {
  await killAll([node]); // from here on nobody starts anything
  const records = await readSandboxRecords(directory);
  const pods = records.map(({ podUID }) => podNetnsName(podUID)).filter((name) => existsSync(netnsPath(name)));
  await killAll(pods); // what `vitrine exec` runs there
  await deleteNetns([node, ...pods]);
  await sweepCgroups(directory);
}

/** Until nothing is left in these namespaces: one that was just being born is found in the next round. */
async function killAll(netns: readonly string[]): Promise<void> {
  const identities = new Set(await Promise.all(netns.map((name) => identityOf(netnsPath(name)))));
  for (;;) {
    const left = await processesIn(identities);
    if (left.length === 0) return;
    for (const pid of left) kill(pid);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** A namespace's inode; undefined when there is none. */
async function identityOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    (error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ESRCH', 'EACCES'].includes(error.code ?? '')) return undefined; // of a process that has just ended
      throw error;
    },
  );
}

async function processesIn(namespaces: ReadonlySet<number | undefined>): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const identities = await Promise.all(pids.map((pid) => identityOf(`/proc/${pid}/ns/net`)));
  return pids.filter((_, index) => identities[index] !== undefined && namespaces.has(identities[index]));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
