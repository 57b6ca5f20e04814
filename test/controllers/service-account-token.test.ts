// Secrets that hold a ServiceAccount's token.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TokenReview } from '../../api/types/authentication.v1.ts';
import type { Secret } from '../../api/types/core.v1.ts';
import type { Resource } from '../../client/client.ts';
import { secrets, serviceAccounts } from '../../client/resources.ts';
import { type Cluster, eventually, find, startCluster } from './cluster.ts';

const reviews: Resource<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  namespaced: false,
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const at = (name: string) => ({ name, namespace: cluster.namespace });
const create = (name: string, account: string): Promise<Secret> =>
  cluster.client.create(secrets, {
    metadata: { ...at(name), annotations: { 'kubernetes.io/service-account.name': account } },
    type: 'kubernetes.io/service-account-token',
  });
const filled = (name: string): Promise<Secret> =>
  eventually(async () => {
    const secret = await find(cluster.client, secrets, at(name));
    return secret?.data?.token !== undefined && secret;
  });
const text = ({ data }: Secret, key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
const isGone = (name: string) => async () => (await find(cluster.client, secrets, at(name))) === undefined;
const whose = async (token: string) => {
  const review: TokenReview = { metadata: { name: '' }, spec: { token } };
  return (await cluster.client.create(reviews, review)).status?.user?.username;
};

it('are filled with all that a client needs, and the token ends with the Secret', async () => {
  await create('login', 'default');
  const secret = await filled('login');
  expect(Object.keys(secret.data ?? {}).sort()).toEqual(['ca.crt', 'namespace', 'token']);
  expect(text(secret, 'namespace')).toBe(cluster.namespace);
  expect(text(secret, 'ca.crt')).toContain('BEGIN CERTIFICATE');
  const account = await cluster.client.get(serviceAccounts, at('default'));
  expect(secret.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe(account.metadata.uid);
  const token = text(secret, 'token');
  expect(await whose(token)).toBe(`system:serviceaccount:${cluster.namespace}:default`);
  await cluster.client.delete(secrets, at('login'));
  expect(await whose(token)).toBeUndefined();
});

it('get back what somebody takes out of them', async () => {
  await create('robbed', 'default');
  const { data } = await filled('robbed');
  await cluster.client.patch(secrets, at('robbed'), { data: { namespace: null, 'ca.crt': 'bm9uc2Vuc2U=' } });
  await eventually(async () => {
    const now = await cluster.client.get(secrets, at('robbed'));
    return now.data?.['ca.crt'] === data!['ca.crt'] && now.data?.namespace === data!.namespace;
  });
});

it('go when their account is not there, or goes', async () => {
  await create('orphan', 'nobody');
  await eventually(isGone('orphan'));
  await cluster.client.create(serviceAccounts, { metadata: at('brief') });
  await create('of-brief', 'brief');
  await filled('of-brief');
  await cluster.client.delete(serviceAccounts, at('brief'));
  await eventually(isGone('of-brief'));
});
