// Fills Secrets of type kubernetes.io/service-account-token with a token of their ServiceAccount, and deletes those whose account is
// gone (upstream pkg/controller/serviceaccount/tokens_controller.go). The tokens come from the API server, bound to the Secret,
// since it alone has the key that signs them.
import { keyOf } from '../api/object.ts';
import { isReason, StatusError } from '../api/status.ts';
import type { TokenRequest } from '../api/types/authentication.v1.ts';
import type { Secret, ServiceAccount } from '../api/types/core.v1.ts';
import type { Resource } from '../client/client.ts';
import { secrets, serviceAccounts } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';

const TYPE = 'kubernetes.io/service-account-token';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';
/** The longest life a token may have: 136 years. It ends with the Secret. */
const SECONDS = 2 ** 32;

export function serviceAccountTokenController(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('serviceaccount_tokens_secret');
  const secretCache = informers.of(secrets, { account: (secret) => (isToken(secret) ? [accountKey(secret)] : []) });
  const accountCache = informers.of(serviceAccounts);

  const add = (secret: Secret): void => {
    if (isToken(secret)) queue.add(keyOf(secret));
  };
  secretCache.addHandlers({ add, update: add });
  const addSecretsOf = (account: ServiceAccount): void => {
    for (const secret of secretCache.byIndex('account', keyOf(account))) queue.add(keyOf(secret));
  };
  accountCache.addHandlers({ add: addSecretsOf, delete: addSecretsOf });

  async function reconcile(key: string): Promise<void> {
    const secret = secretCache.get(key);
    if (!secret || secret.metadata.deletionTimestamp) return;
    const account = await accountOf(secret);
    if (account) await fill(secret, account);
    else await remove(secret);
  }

  /** Asks the server before it says that there is none: the cache may be behind. */
  async function accountOf(secret: Secret): Promise<ServiceAccount | undefined> {
    const isMeant = (account: ServiceAccount | undefined): boolean => {
      const uid = secret.metadata.annotations?.[UID];
      return account !== undefined && (!uid || uid === account.metadata.uid);
    };
    const cached = accountCache.get(accountKey(secret));
    if (isMeant(cached)) return cached;
    const at = { namespace: secret.metadata.namespace, name: secret.metadata.annotations?.[NAME] ?? '' };
    const current = await client.get(serviceAccounts, at).catch(absent);
    return isMeant(current) ? current : undefined;
  }

  async function fill(secret: Secret, account: ServiceAccount): Promise<void> {
    const { name = '', namespace = '', uid = '', annotations = {} } = secret.metadata;
    const data: Record<string, string> = {};
    if (options.rootCA && secret.data?.['ca.crt'] !== encode(options.rootCA)) data['ca.crt'] = encode(options.rootCA);
    if (!secret.data?.namespace) data.namespace = encode(namespace);
    const bound = { apiVersion: 'v1', kind: 'Secret', name, uid };
    if (!secret.data?.token) data.token = encode(await tokenFor(account, bound));
    if (Object.keys(data).length === 0 && annotations[UID] === account.metadata.uid) return;
    await client.update(secrets, {
      ...secret,
      metadata: { ...secret.metadata, annotations: { ...annotations, [UID]: account.metadata.uid ?? '' } },
      data: { ...secret.data, ...data },
    });
  }

  async function tokenFor({ metadata }: ServiceAccount, boundObjectRef: object): Promise<string> {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: { name: metadata.name, namespace: metadata.namespace },
      spec: { expirationSeconds: SECONDS, boundObjectRef },
    };
    const resource = serviceAccounts as Resource<TokenRequest>;
    const { status } = await client.create(resource, request, 'token');
    return status?.token ?? '';
  }

  async function remove({ metadata }: Secret): Promise<void> {
    const at = { name: metadata.name, namespace: metadata.namespace };
    await client.delete(secrets, at, { preconditions: { uid: metadata.uid } }).catch((error: unknown) => {
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error;
    });
  }

  const caches = [secretCache, accountCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'serviceaccount-token', queue, informers: caches, concurrency, reconcile }, environment);
}

const isToken = ({ type, metadata }: Secret): boolean => type === TYPE && Boolean(metadata.annotations?.[NAME]);

const accountKey = ({ metadata }: Secret): string => `${metadata.namespace}/${metadata.annotations?.[NAME]}`;

const encode = (text: string): string => Buffer.from(text).toString('base64');

function absent(error: unknown): undefined {
  if (!(error instanceof StatusError) || error.code !== 404) throw error;
}
