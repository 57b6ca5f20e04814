// The places of a lab where a command can run, by the names people give them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StatusError } from '../api/status.ts';
import type { Pod } from '../api/types/core.v1.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { pods } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { netnsPath } from '../host/netns.ts';
import { podNetnsName } from '../node/pod-network/pod-network.ts';
import { parseRunFile, readIfThere } from '../node/process-runtime/state-files.ts';
import type { Directory, Running } from './directory.ts';
import { BALANCER, INTERNET, nodeName, WIRE } from './network.ts';

export interface Place {
  /** Path of the network namespace inside the lab. */
  readonly netns: string;
  readonly hostname: string;
  /** A process, by its pid in the lab, that sees /etc as the place does; absent: the machine's own. */
  readonly etcOf?: number;
}

/** Throws UsageError (exit code 1) that says which places there are when `name` is none. */
export async function findPlace(directory: Directory, running: Running, name: string): Promise<Place> {
  const names = [...running.nodes.map(nodeName), INTERNET, BALANCER, WIRE];
  if (running.stopped.some((index) => nodeName(index) === name)) throw stopped(name);
  if (names.includes(name)) return { netns: netnsPath(name), hostname: name };
  const [, namespace = 'default', pod] = /^pods?\/(?:([^/]+)\/)?([^/]+)$/.exec(name) ?? [];
  if (!pod) {
    throw new UsageError(`no place ${name}; there is ${names.join(', ')}, pod/NAME and pod/NAMESPACE/NAME`, 1);
  }
  const found = await getPod(directory, namespace, pod);
  const node = running.stopped.map(nodeName).find((one) => one === found.spec?.nodeName);
  if (node) throw stopped(node);
  return placeOf(directory, found);
}

function stopped(node: string): UsageError {
  return new UsageError(`${node} is stopped; boot it with: vitrine lab start ${node}`, 1);
}

async function getPod(directory: Directory, namespace: string, name: string): Promise<Pod> {
  const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-exec' });
  try {
    return await client.get(pods, { namespace, name });
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 404) throw error;
    const { items } = await client.list(pods, { namespace });
    const there = items.map(
      ({ metadata }) => `pod/${metadata.namespace === 'default' ? '' : `${metadata.namespace}/`}${metadata.name}`,
    );
    throw new UsageError(`no pod ${name} in namespace ${namespace}; there is ${there.join(', ') || 'no pod yet'}`, 1);
  } finally {
    await client.close();
  }
}

/** The node agent names a pod's network namespace after its uid. */
async function placeOf(directory: Directory, pod: Pod): Promise<Place> {
  const { name, uid } = pod.metadata;
  const node = pod.spec?.nodeName;
  if (!node || !pod.status?.podIP) {
    const phase = pod.status?.phase ?? 'Pending';
    throw new UsageError(`pod ${name} does not run yet (${phase}); see kubectl describe pod ${name}`, 1);
  }
  const etcOf = await runningContainer(join(directory.nodes, node, 'containers'), uid!);
  if (pod.spec?.hostNetwork) return { netns: netnsPath(node), hostname: node, etcOf };
  return { netns: netnsPath(podNetnsName(uid!)), hostname: pod.spec?.hostname ?? name, etcOf };
}

/** The first process of any container of the pod that runs (state-files.ts): all have the same /etc. */
async function runningContainer(folder: string, podUID: string): Promise<number | undefined> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[]; // a mirror pod on a node that has run no other
    throw error;
  });
  const names = files.filter((file) => file.startsWith(`${podUID}_`) && file.endsWith('.run'));
  const running = names.filter((file) => !files.includes(file.replace(/run$/, 'exit')));
  for (const file of running) {
    const pid = parseRunFile(readIfThere(join(folder, file)) ?? '')?.init?.pid;
    if (pid) return pid;
  }
  return undefined;
}
