// When the lab is ready: the API server when its kubeconfig appears, the nodes when their Ready condition is True.
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Node } from '../api/types/core.v1.ts';
import { type Client, ConnectionError } from '../client/client.ts';
import { nodes } from '../client/resources.ts';
import { rfc3339, systemClock } from '../host/clock.ts';

const RETRY_MS = 100;

/** Resolves when `file` exists; rejects with the signal's reason. */
export function fileAppears(file: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const look = (): void => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(dirname(file), { signal }, look);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    look(); // it may have appeared before the watch began
  });
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/**
 * What nodes said of themselves before the lab was stopped holds no longer: until each says so again, it is not known to be
 * Ready, and its pods get no traffic. Wording as the node lifecycle controller's for a silent node.
 */
export async function forgetReadiness(client: Client): Promise<void> {
  const { items } = await client.list(nodes);
  const lastTransitionTime = rfc3339(systemClock.now());
  const message = 'Kubelet stopped posting node status.';
  const unknown = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message, lastTransitionTime };
  const patch = { status: { conditions: [unknown] } };
  const told = items.filter(isReady).map(({ metadata: { name } }) => {
    return client.patch(nodes, { name }, patch, { type: 'strategic', subresource: 'status' });
  });
  await Promise.all(told);
}

/** Resolves when all nodes of these names are Ready; calls `onReady` for each as it happens. */
export async function nodesReady(
  client: Client,
  names: readonly string[],
  onReady: (name: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const waiting = new Set(names);
  const see = (node: Node): void => {
    if (isReady(node) && waiting.delete(node.metadata.name)) onReady(node.metadata.name);
  };
  while (waiting.size > 0) {
    signal.throwIfAborted();
    try {
      await seeChanges(client, see, () => waiting.size === 0, signal);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      await systemClock.sleep(RETRY_MS, signal); // the API server may have been killed: it comes back
    }
  }
}

/** Shows every node to `see`, and every change until `done` or the watch ends. */
async function seeChanges(
  client: Client,
  see: (node: Node) => void,
  done: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const { items, metadata } = await client.list(nodes);
  for (const node of items) see(node);
  if (done()) return;
  for await (const event of client.watch(nodes, { resourceVersion: metadata.resourceVersion!, signal })) {
    if (event.type === 'ERROR') return;
    see(event.object);
    if (done()) return;
  }
}
