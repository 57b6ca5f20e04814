// Who the lab's programs are to the API server: a random token each, and a kubeconfig with it.
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Directory } from './directory.ts';
import { firstNodes, MAX_NODES, nodeName } from './network.ts';

export interface Account {
  /** Names the kubeconfig file in `run/`. */
  readonly name: string;
  readonly user: string;
  readonly groups: readonly string[];
  readonly token: string;
}

/**
 * Users and groups as kubeadm gives them to the same programs. Whoever had a token before keeps it; every node that may ever
 * join has one, for the API server reads the file only when it starts.
 */
export async function makeAccounts(directory: Directory): Promise<Account[]> {
  const kept = await readTokens(directory);
  const account = (name: string, user: string, groups: string[]): Account => {
    return { name, user, groups, token: kept.get(user) ?? randomBytes(24).toString('hex') };
  };
  const accounts = [
    account('admin', 'kubernetes-admin', ['system:masters']),
    account('controllers', 'system:kube-controller-manager', []),
    account('balancer', 'system:cloud-controller-manager', []),
    ...firstNodes(MAX_NODES)
      .map(nodeName)
      .map((name) => account(name, `system:node:${name}`, ['system:nodes'])),
  ];
  await writeTokens(directory, accounts);
  return accounts;
}

/** User → token. */
async function readTokens(directory: Directory): Promise<Map<string, string>> {
  const text = await readFile(directory.tokens, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const rows = text.split('\n').map((line) => line.split(','));
  return new Map(rows.filter((row) => row.length > 3).map(([token, user]) => [user, token]));
}

/** A token file as kube-apiserver reads it: token, user, uid, "group,group". */
async function writeTokens(directory: Directory, accounts: readonly Account[]): Promise<void> {
  const lines = accounts.map(({ token, user, groups }) => `${token},${user},${user},"${groups.join(',')}"\n`);
  await writeFile(directory.tokens, lines.join(''), { mode: 0o600 });
}

export function kubeconfigOf(directory: Directory, name: string): string {
  return join(directory.run, `${name}.kubeconfig`);
}

interface Config {
  clusters: { name: string; cluster: { server: string } }[];
  users: { name: string; user: { token: string } }[];
}

/** Whoever waits for the file never sees half of it. */
async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** The administrator's kubeconfig with another token and, for a node, the address by which the node reaches the server. */
export async function writeKubeconfigs(
  directory: Directory,
  accounts: readonly Account[],
  serverOf: (account: Account) => string,
): Promise<void> {
  const admin = await readFile(directory.kubeconfig, 'utf8');
  await Promise.all(
    accounts.map((account) => {
      const config = JSON.parse(admin) as Config;
      config.clusters[0].cluster.server = serverOf(account);
      config.users[0].user = { token: account.token };
      return writeWhole(kubeconfigOf(directory, account.name), JSON.stringify(config));
    }),
  );
}
