// An API server and the controllers in this process, with nodes that only exist as objects: a kubelet's part is played by
// status updates.
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../../api/object.ts';
import { StatusError } from '../../api/status.ts';
import type { Node, Pod } from '../../api/types/core.v1.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import type { Client, Named, Resource } from '../../client/client.ts';
import { leases, nodes, pods, serviceAccounts } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import { runControllers } from '../../controllers/controllers.ts';
import { type ControllerOptions, defaultOptions } from '../../controllers/options.ts';
import { rfc3339, rfc3339Micro } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';

export interface Cluster {
  readonly client: Client;
  readonly namespace: string;
  /** Names of the objects that controllers asked for, one by one. */
  readonly asked: readonly string[];
  addNode(name: string): Promise<void>;
  heartbeat(name: string): Promise<void>;
  /** Waits for the pod to be bound, then says that it runs, with this address. */
  startPod(name: string, ip: string): Promise<Pod>;
  setReady(name: string, ready: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves with the first value of `look` that is neither undefined nor false. Fails after `timeoutMs`. */
export async function eventually<T>(look: () => Promise<T | undefined | false>, timeoutMs = 10_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`did not become true within ${timeoutMs} ms: ${look}`);
    await sleep(5);
  }
}

/** The object, or undefined when it does not exist. */
export async function find<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  at: Named,
): Promise<T | undefined> {
  return client.get(resource, at).catch((error: unknown) => {
    if (error instanceof StatusError && error.code === 404) return undefined;
    throw error;
  });
}

export async function startCluster(changes: Partial<ControllerOptions> = {}): Promise<Cluster> {
  const store = new MemoryStore();
  const server = await startApiServer({ store });
  const connection = { server: server.url, ca: server.caCert, token: server.token };
  const client = new RestClient(connection, { userAgent: 'test' });
  const stop = new AbortController();
  const options = { ...defaultOptions, rootCA: server.caCert, ...changes };
  const asked: string[] = [];
  const running = runControllers(listening(client, asked), { options, log: silentLogger }, stop.signal);
  const namespace = 'default';
  // Admission refuses pods before their ServiceAccount exists.
  await eventually(async () => find(client, serviceAccounts, { name: 'default', namespace }));
  return {
    client,
    namespace,
    asked,
    addNode: (name) => addNode(client, name),
    heartbeat: (name) => heartbeat(client, name),
    startPod: (name, ip) => startPod(client, { namespace, name }, ip),
    setReady: (name, ready) => setReady(client, { namespace, name }, ready),
    async stop() {
      stop.abort();
      await running;
      await client.close();
      await server.close();
      await store.close();
    },
  };
}

function listening(client: Client, asked: string[]): Client {
  const get: Client['get'] = (resource, at) => {
    asked.push(at.name);
    return client.get(resource, at);
  };
  const other = (value: unknown): unknown => (typeof value === 'function' ? value.bind(client) : value);
  return new Proxy(client, { get: (_, name) => (name === 'get' ? get : other(Reflect.get(client, name, client))) });
}

const ready = (status: string): object => ({ type: 'Ready', status, lastTransitionTime: rfc3339(Date.now()) });

async function addNode(client: Client, name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name };
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110' };
  const status = { allocatable, capacity: allocatable, conditions: [{ ...ready('True'), reason: 'KubeletReady' }] };
  await client.create(nodes, { metadata: { name, labels }, status } as unknown as Node);
  await client.create(leases, { metadata: { name, namespace: 'kube-node-lease' }, spec: { holderIdentity: name } });
  await client.patch(nodes, { name }, { status }, { type: 'strategic', subresource: 'status' });
}

async function heartbeat(client: Client, name: string): Promise<void> {
  const spec = { renewTime: rfc3339Micro(Date.now()) };
  await client.patch(leases, { name, namespace: 'kube-node-lease' }, { spec });
}

async function startPod(client: Client, at: Required<Named>, ip: string): Promise<Pod> {
  await eventually(async () => (await find(client, pods, at))?.spec?.nodeName !== undefined);
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [ready('True')] };
  return client.patch(pods, at, { status }, { type: 'strategic', subresource: 'status' });
}

async function setReady(client: Client, at: Required<Named>, isReady: boolean): Promise<void> {
  const status = { conditions: [ready(isReady ? 'True' : 'False')] };
  await client.patch(pods, at, { status }, { type: 'strategic', subresource: 'status' });
}
