// Every namespace has a ServiceAccount `default` (upstream pkg/controller/serviceaccount/serviceaccounts_controller.go).
import { isReason } from '../api/status.ts';
import { namespaces, serviceAccounts } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { controlLoop } from './loop.ts';
import { isNamespaceTerminating } from './pod-writes.ts';

const NAME = 'default';

export function serviceAccountController(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('serviceaccount');
  const namespaceCache = informers.of(namespaces);
  const accountCache = informers.of(serviceAccounts);
  namespaceCache.addHandlers({
    add: ({ metadata }) => queue.add(metadata.name),
    update: ({ metadata }) => queue.add(metadata.name),
  });
  accountCache.addHandlers({ delete: ({ metadata }) => metadata.name === NAME && queue.add(metadata.namespace!) });

  async function reconcile(namespace: string): Promise<void> {
    const found = namespaceCache.get(namespace);
    if (!found || found.status?.phase === 'Terminating' || accountCache.get(`${namespace}/${NAME}`)) return;
    await client.create(serviceAccounts, { metadata: { name: NAME, namespace } }).catch((error: unknown) => {
      if (!isReason(error, 'AlreadyExists') && !isReason(error, 'NotFound') && !isNamespaceTerminating(error))
        throw error;
    });
  }

  const caches = [namespaceCache, accountCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop({ name: 'serviceaccount', queue, informers: caches, concurrency, reconcile }, environment);
}
