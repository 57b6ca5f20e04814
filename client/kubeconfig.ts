// Kubeconfig files (client.authentication and clientcmd/v1 Config): which server, which authority, which credentials.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../host/lifecycle.ts';
import type { Connection } from './connection.ts';

interface Cluster {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
  'proxy-url'?: string;
}

interface User {
  token?: string;
  tokenFile?: string;
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  username?: string;
  exec?: unknown;
  'auth-provider'?: unknown;
}

interface Config {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user?: string } }[];
  clusters?: { name: string; cluster: Cluster }[];
  users?: { name: string; user: User }[];
}

/**
 * The connection that `file`'s current context (or the one named) describes; relative paths are relative to the file, as
 * in client-go. Throws UsageError that says what is missing, wrong or not supported.
 */
export async function loadKubeconfig(file: string, context?: string): Promise<Connection> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`kubeconfig ${file}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  try {
    return await connectionOf((await parse(text)) as Config | null, dirname(resolve(file)), context);
  } catch (error) {
    throw new UsageError(`kubeconfig ${file}: ${(error as Error).message}`);
  }
}

/** JSON is YAML too, but its own parser is there already, and a thousand times faster. */
async function parse(text: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const { parse: parseYAML } = await import('yaml');
  return parseYAML(text);
}

async function connectionOf(config: Config | null, folder: string, wanted?: string): Promise<Connection> {
  const name = wanted ?? config?.['current-context'];
  if (!name) throw new Error('no current-context');
  const context = config?.contexts?.find((one) => one.name === name)?.context;
  if (!context) throw new Error(`no context "${name}"`);
  const cluster = config?.clusters?.find((one) => one.name === context.cluster)?.cluster;
  if (!cluster?.server) throw new Error(`no server for cluster "${context.cluster}"`);
  const user = config?.users?.find((one) => one.name === context.user)?.user ?? {};
  refuse(cluster, user);
  const pem = (data: string | undefined, path: string | undefined): Promise<Buffer> | undefined =>
    data ? Promise.resolve(Buffer.from(data, 'base64')) : path ? readFile(resolve(folder, path)) : undefined;
  return {
    server: cluster.server,
    ca: await pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
    insecure: cluster['insecure-skip-tls-verify'] ?? false,
    tlsServerName: cluster['tls-server-name'],
    cert: await pem(user['client-certificate-data'], user['client-certificate']),
    key: await pem(user['client-key-data'], user['client-key']),
    token: user.token,
    tokenFile: user.tokenFile && resolve(folder, user.tokenFile),
  };
}

function refuse(cluster: Cluster, user: User): void {
  if (cluster['proxy-url']) throw new Error('proxy-url is not supported');
  for (const field of ['exec', 'auth-provider', 'username'] as const) {
    if (user[field] !== undefined) throw new Error(`credentials by "${field}" are not supported`);
  }
}
