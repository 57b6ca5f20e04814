// For the tests of this folder: a real API server, real controllers and one real node agent, in the namespace of the script.

import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodSpec } from '../../api/types/core.v1.ts';
import { writeKubeconfig } from '../../apiserver/kubeconfig.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { MemoryStore } from '../../apiserver/storage/memory.ts';
import type { Client } from '../../client/client.ts';
import { nodes, pods } from '../../client/resources.ts';
import { RestClient } from '../../client/rest.ts';
import { runControllers } from '../../controllers/controllers.ts';
import { defaultOptions } from '../../controllers/options.ts';
import { silentLogger } from '../../host/log.ts';
import { runAgent } from '../../node/agent.ts';
import { shell } from '../network.ts';

export const NODE_IP = '192.168.1.10';

export interface OneNode {
  readonly client: Client;
  readonly directory: string;
  /** An administrator's. */
  readonly kubeconfig: string;
  /** Asks the agent for `path` with a certificate that the cluster issued to `nodeName`; resolves with the status. */
  requestAs(nodeName: string, path: string): Promise<number>;
  startAgent(): void;
  /** Its pods run on. */
  stopAgent(): Promise<void>;
  close(): Promise<void>;
}

export async function startOneNode(): Promise<OneNode> {
  await shell(`ip link add eth0 type bridge; ip address add ${NODE_IP}/24 dev eth0; ip link set eth0 up`);
  const store = new MemoryStore();
  const server = await startApiServer({ store, metricsAPI: true });
  const serving = { ...server.issueNode('node-1', [NODE_IP]), clientCA: server.caCert };
  const connection = { server: server.url, ca: server.caCert, token: server.token };
  const client = new RestClient(connection, { userAgent: 'test' });
  const stopped = new AbortController();
  const options = { ...defaultOptions, nodeMonitorGracePeriodMs: 2000, nodeMonitorPeriodMs: 200 };
  const controllers = runControllers(client, { options, log: silentLogger }, stopped.signal);
  const directory = mkdtempSync(join(tmpdir(), 'vitrine-node-'));
  const kubeconfig = join(directory, 'kubeconfig');
  await writeKubeconfig(kubeconfig, { server: server.url, caCert: server.caCert, token: server.token });
  let agent: { stop: AbortController; ended: Promise<void> } | undefined;
  const stopAgent = async (): Promise<void> => {
    agent?.stop.abort();
    await agent?.ended;
    agent = undefined;
  };
  const startAgent = (): void => {
    const stop = new AbortController();
    const ended = runAgent({
      client,
      nodeName: 'node-1',
      nodeIPs: [NODE_IP],
      directory,
      version: '0.1.0',
      leaseDurationSeconds: 1,
      clusterCIDRs: ['10.244.0.0/16'],
      mirrorPods: [{ name: 'kube-proxy', image: 'vitrine' }],
      serving,
      log: silentLogger,
      signal: stop.signal,
    });
    agent = { stop, ended };
  };
  startAgent();
  await until('node-1 is Ready', async () => isReady(await client.get(nodes, { name: 'node-1' })));
  return {
    client,
    directory,
    kubeconfig,
    requestAs: (nodeName, path) => requestWith(server.issueNode(nodeName, []), path),
    startAgent,
    stopAgent,
    async close() {
      await stopAgent();
      stopped.abort();
      await controllers;
      await client.close();
      await server.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function requestWith(identity: { cert: string; key: string }, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: NODE_IP, port: 10250, path, ...identity, rejectUnauthorized: false, agent: false });
    asked.on('error', reject).on('response', (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
  });
}

interface Conditioned {
  status?: { conditions?: { type: string; status: string }[] };
}

export function isReady(object: Conditioned | undefined): boolean {
  return object?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Asks until the answer is truthy; resolves with it. Rejects in the end with what the last one was. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  { timeoutMs = 20_000, everyMs = 3 } = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const found = await ask();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`not in time: ${what} (${last})`);
}

export async function createPod(client: Client, name: string, spec: PodSpec): Promise<Pod> {
  return client.create(pods, { metadata: { name, namespace: 'default', labels: { app: name } }, spec });
}

export function getPod(client: Client, name: string): Promise<Pod> {
  return client.get(pods, { name, namespace: 'default' });
}
