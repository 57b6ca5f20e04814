// Everything a pod may ask of its containers, on one real node; answers with what was seen. All scenes run side by side.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pods } from '../../client/resources.ts';
import { answer, shell } from '../network.ts';
import { type OneNode, startOneNode } from './one-node.ts';
import { until } from './scene.ts';
import * as inside from './scenes-inside.ts';
import * as life from './scenes-of-life.ts';

type Scene = (node: OneNode) => Promise<unknown>;

/** What the agent calls its cgroups. */
function cgroupPrefix({ directory }: OneNode): string {
  return `vitrine-${createHash('sha256').update(directory).digest('hex').slice(0, 10)}`;
}

const SCENES: Record<string, Scene> = { ...life, ...inside };
/** ms. A scene that hangs is named, and the others are judged. */
const LIMIT_MS = 80_000;

async function play(scene: Scene, node: OneNode): Promise<unknown> {
  const over = new AbortController();
  const late = sleep(LIMIT_MS, undefined, { signal: over.signal }).then(() => Promise.reject(new Error('it hangs')));
  late.catch(() => {}); // told by the race, or nobody waits for it any longer
  try {
    return await Promise.race([scene(node), late]);
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  } finally {
    over.abort();
  }
}

await answer(async ({ only }: { only?: string[] }) => {
  const node = await startOneNode();
  const chosen = Object.entries(SCENES).filter(([name]) => !only || only.includes(name));
  const outcomes = chosen.map(async ([name, scene]) => [name, await play(scene, node)]);
  const seen: Record<string, unknown> = Object.fromEntries(await Promise.all(outcomes));
  const { items } = await node.client.list(pods, { namespace: 'default' });
  for (const { metadata } of items) {
    await node.client.delete(pods, { name: metadata.name, namespace: 'default' }, { gracePeriodSeconds: 0 });
  }
  const podFolders = (): string[] => readdirSync(`${node.directory}/pods`);
  await until('nothing of the pods is left', async () => podFolders().length === 0).catch(() => {}); // what is left is told below
  seen.left = {
    pods: podFolders(),
    namespaces: readdirSync('/run/netns'),
    containers: readdirSync(`${node.directory}/containers`),
    shims: (await shell('pgrep -f shim[.]pl || true')).trim(),
    mounts: (await shell(`grep -c ${node.directory}/pods /proc/mounts || true`)).trim(),
    hostPorts: (await shell('nft list table ip vitrine-host-ports 2>/dev/null || true')).trim(),
    cgroups: (
      await shell(`find /sys/fs/cgroup -maxdepth 6 -name '${cgroupPrefix(node)}-*' 2>/dev/null || true`)
    ).trim(),
  };
  await node.close();
  return seen;
});
