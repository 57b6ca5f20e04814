// The places of a lab where a command can run, by the names people give them.
import { StatusError } from '../api/status.ts';
import type { Pod } from '../api/types/core.v1.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { pods } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { netnsPath } from '../host/netns.ts';
import type { Directory, Running } from './directory.ts';
import { INTERNET, nodeNames, WIRE } from './network.ts';

export interface Place {
  /** Path of the network namespace inside the lab. */
  readonly netns: string;
  readonly hostname: string;
}

/** Throws UsageError (exit code 1) that says which places there are when `name` is none. */
export async function findPlace(directory: Directory, running: Running, name: string): Promise<Place> {
  const names = [...nodeNames(running.nodes), INTERNET, WIRE];
  if (names.includes(name)) return { netns: netnsPath(name), hostname: name };
  const [, namespace = 'default', pod] = /^pods?\/(?:([^/]+)\/)?([^/]+)$/.exec(name) ?? [];
  if (!pod) {
    throw new UsageError(`no place ${name}; there is ${names.join(', ')}, pod/NAME and pod/NAMESPACE/NAME`, 1);
  }
  return placeOf(await getPod(directory, namespace, pod));
}

async function getPod(directory: Directory, namespace: string, name: string): Promise<Pod> {
  const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-exec' });
  try {
    return await client.get(pods, { namespace, name });
  } catch (error) {
    if (!(error instanceof StatusError) || error.code !== 404) throw error;
    const { items } = await client.list(pods);
    const there = items.map(
      ({ metadata }) => `pod/${metadata.namespace === 'default' ? '' : `${metadata.namespace}/`}${metadata.name}`,
    );
    throw new UsageError(`no pod ${name} in namespace ${namespace}; there is ${there.join(', ') || 'no pod yet'}`, 1);
  } finally {
    await client.close();
  }
}

/** The node agent names a pod's network namespace after its uid. */
function placeOf(pod: Pod): Place {
  const { name, uid } = pod.metadata;
  const node = pod.spec?.nodeName;
  if (!node || !pod.status?.podIP) {
    const phase = pod.status?.phase ?? 'Pending';
    throw new UsageError(`pod ${name} does not run yet (${phase}); see kubectl describe pod ${name}`, 1);
  }
  if (pod.spec?.hostNetwork) return { netns: netnsPath(node), hostname: node };
  return { netns: netnsPath(`pod-${uid}`), hostname: pod.spec?.hostname ?? name };
}
