// How a program in a pod reaches the API server: by what the node puts into every container (client-go rest.InClusterConfig).

import { readFile } from 'node:fs/promises';
import { hostPort } from '../api/ip.ts';
import { UsageError } from '../host/lifecycle.ts';
import type { Connection } from './connection.ts';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The connection as the pod's ServiceAccount. Throws UsageError outside a pod, or in one without a token. */
export async function inClusterConnection(env: NodeJS.ProcessEnv = process.env, folder = FOLDER): Promise<Connection> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port)
    throw new UsageError('not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  const ca = await readFile(`${folder}/ca.crt`).catch((error: Error) => {
    throw new UsageError(`no ServiceAccount in this pod: ${error.message}`);
  });
  return { server: `https://${hostPort(host, port)}`, ca, tokenFile: `${folder}/token` };
}
