// Upstream's etcd and kube-apiserver as the control plane of these tests, in the script's own namespaces. Objects are written past the
// API server, into etcd, as they are into our store: what proxies get to see is the same to the letter.
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { KubeObject } from '../../api/object.ts';
import { writeKubeconfig } from '../../apiserver/kubeconfig.ts';
import { systemClock } from '../../host/clock.ts';

/** Programs by path. */
export interface UpstreamServer {
  readonly apiserver: string;
  readonly etcd: string;
}

/** What a commit says of one object; without `object` it goes. */
export interface Entry {
  readonly kind: string;
  readonly name: string;
  readonly object?: KubeObject;
}

const FOLDER = '/run/upstream';
const ETCD = 'http://127.0.0.1:2379';
const TOKEN = 'admin';
const SERVICE_CIDRS = '10.96.0.0/15,fd00:10:96::/112';
const PATIENCE_MS = 60_000;

/** Where kube-apiserver keeps a kind in etcd. */
const PREFIXES: Readonly<Record<string, string>> = {
  Node: '/registry/minions/',
  Service: '/registry/services/specs/default/',
  EndpointSlice: '/registry/endpointslices/default/',
};

/** Listens on `address`; `kubeconfig` is the file to write. The programs end with the script's namespace. */
export async function startUpstream(
  { apiserver, etcd }: UpstreamServer,
  { address, kubeconfig }: { address: string; kubeconfig: string },
): Promise<(entries: readonly Entry[]) => Promise<void>> {
  await mkdir(FOLDER);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(`${FOLDER}/sa.key`, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  await writeFile(`${FOLDER}/sa.pub`, publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(`${FOLDER}/tokens.csv`, `${TOKEN},admin,admin,"system:masters"\n`);
  const flags = {
    'etcd-servers': ETCD,
    'bind-address': address,
    'advertise-address': address,
    'cert-dir': FOLDER,
    'token-auth-file': `${FOLDER}/tokens.csv`,
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': `${FOLDER}/sa.pub`,
    'service-account-signing-key-file': `${FOLDER}/sa.key`,
    'service-cluster-ip-range': SERVICE_CIDRS,
  };
  const store = { 'data-dir': `${FOLDER}/etcd`, 'max-txn-ops': '10000', 'unsafe-no-fsync': 'true' };
  const programs = [start(etcd, store), start(apiserver, flags)];
  const server = `https://${address}:6443`;
  await until('etcd', programs, async () => (await fetch(`${ETCD}/health`)).ok);
  // It signs for itself, and writes the certificate when it has made one.
  const certificate = (): Promise<string> => readFile(`${FOLDER}/apiserver.crt`, 'utf8');
  await until('kube-apiserver', programs, async () => (await certificate()).includes('END CERTIFICATE'));
  await writeKubeconfig(kubeconfig, { server, caCert: await certificate(), token: TOKEN });
  // Its own Service comes last.
  await until('kube-apiserver', programs, () => isInStore('/registry/endpointslices/default/kubernetes'));
  return commit;
}

function start(program: string, flags: Readonly<Record<string, string>>): ChildProcess {
  const log = openSync(`${FOLDER}/${program.split('/').at(-1)}.log`, 'w');
  const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  return spawn(program, words, { stdio: ['ignore', log, log] });
}

async function until(what: string, programs: readonly ChildProcess[], isReady: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    if (await isReady().catch(() => false)) return; // nobody answers yet
    const ended = programs.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
    if (ended || Date.now() > deadline) {
      const log = await readFile(`${FOLDER}/${what}.log`, 'utf8').catch((error: Error) => error.message);
      throw new Error(`${what} ${ended ? 'ended' : 'is not ready'}: ${log.slice(-2000)}`);
    }
    await systemClock.sleep(50);
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** etcd's API as JSON: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/ */
async function etcdCall(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${ETCD}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function isInStore(key: string): Promise<boolean> {
  const { count } = await etcdCall('range', { key: base64(key), count_only: true });
  return count !== undefined; // none is not written
}

/** All in one transaction. */
async function commit(entries: readonly Entry[]): Promise<void> {
  const success = entries.map(({ kind, name, object }) => {
    const key = base64(`${PREFIXES[kind]}${name}`);
    return object ? { request_put: { key, value: base64(JSON.stringify(object)) } } : { request_delete_range: { key } };
  });
  await etcdCall('txn', { success });
}
