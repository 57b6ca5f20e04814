// `vitrine/testing`: a cluster's API for tests, in this process. The API server and the controllers are the real ones, on memory
// and a free port of 127.0.0.1; there are no nodes, so pods stay Pending until the test plays their node's part.
// Its declarations are published as they stand: the interface uses no type of other files.
import { kubeconfigText } from '../apiserver/kubeconfig.ts';
import { startApiServer } from '../apiserver/server.ts';
import { MemoryStore } from '../apiserver/storage/memory.ts';
import { serviceAccounts } from '../client/resources.ts';
import { RestClient } from '../client/rest.ts';
import { isChosen, runControllers } from '../controllers/controllers.ts';
import { defaultOptions } from '../controllers/options.ts';
import { silentLogger } from '../host/log.ts';

export interface TestClusterOptions {
  /**
   * As `vitrine controllers --controllers`: `*` (default), names, `-name`; `[]` for an API server alone. Without
   * `serviceaccount` nobody makes ServiceAccounts, so pods are admitted without one, as envtest does it.
   */
  readonly controllers?: readonly string[];
  /** CIDR of cluster IPs (default 10.96.0.0/16). */
  readonly serviceClusterIPRange?: string;
}

export interface TestCluster {
  /** `https://127.0.0.1:41234` */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly caCert: string;
  /** Bearer token of an administrator. */
  readonly token: string;
  /** Text of a kubeconfig with all of that, for a client library or a file. */
  readonly kubeconfig: string;
  /** Ends every request, watch and control loop; resolves when nothing runs any more. Rejects when a controller broke. */
  stop(): Promise<void>;
}

/**
 * Resolves when requests are served and, if their controller runs, ServiceAccounts are there, so that pods can be created.
 * Clusters share nothing: as many as fit may run beside each other. Rejects for an unknown controller or a bad range.
 */
export async function startCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const store = new MemoryStore();
  const { controllers = ['*'], serviceClusterIPRange } = options;
  const disableAdmissionPlugins = isChosen(controllers, 'serviceaccount') ? [] : ['ServiceAccount'];
  const api = await startApiServer({ store, serviceClusterIPRange, disableAdmissionPlugins });
  const { url: server, caCert, token, close } = api;
  const manager = startControllers({ server, ca: caCert, token }, controllers);
  const stop = async (): Promise<void> => {
    try {
      await manager.stop();
    } finally {
      await close();
      await store.close();
    }
  };
  await manager.ready.catch(async (error: unknown) => {
    await stop().catch(() => undefined); // says the same again
    throw error;
  });
  return { server, caCert, token, kubeconfig: kubeconfigText({ server, caCert, token }), stop };
}

interface Manager {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

function startControllers(
  connection: { readonly server: string; readonly ca: string; readonly token: string },
  controllers: readonly string[],
): Manager {
  const client = new RestClient(connection, { userAgent: 'kube-controller-manager/vitrine' });
  const ending = new AbortController();
  const options = { ...defaultOptions, controllers, rootCA: connection.ca };
  const running = runControllers(client, { options, log: silentLogger }, ending.signal);
  // Admission refuses pods before their ServiceAccount is there.
  const ready = isChosen(controllers, 'serviceaccount') ? firstAccount(client, ending.signal) : Promise.resolve();
  return {
    ready: Promise.race([running, ready]), // in this order: unknown names are found at once
    async stop() {
      ending.abort();
      await Promise.allSettled([ready]);
      await running.finally(() => client.close());
    },
  };
}

/** Resolves when the ServiceAccount `default/default` is there, or when `signal` aborts. */
async function firstAccount(client: RestClient, signal: AbortSignal): Promise<void> {
  const selection = { namespace: 'default', fieldSelector: 'metadata.name=default' };
  const { items, metadata } = await client.list(serviceAccounts, { ...selection, signal });
  if (items.length > 0) return;
  const seen = new AbortController();
  const resourceVersion = metadata.resourceVersion!;
  const watch = client.watch(serviceAccounts, {
    ...selection,
    resourceVersion,
    signal: AbortSignal.any([signal, seen.signal]),
  });
  for await (const { type } of watch) if (type === 'ADDED') seen.abort();
}
