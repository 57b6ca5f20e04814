// Every namespace has a ConfigMap `kube-root-ca.crt` by which pods trust the API server
// (upstream pkg/controller/certificates/rootcacertpublisher).
import { isReason } from '../api/status.ts';
import { configMaps, namespaces } from '../client/resources.ts';
import type { Controller, Environment } from './environment.ts';
import { isEqual } from './equality.ts';
import { controlLoop } from './loop.ts';
import { isNamespaceTerminating } from './pod-writes.ts';

const NAME = 'kube-root-ca.crt';
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
};

export function rootCAController(environment: Environment): Controller {
  const { client, informers, options } = environment;
  const queue = environment.queue('root_ca_cert_publisher');
  const namespaceCache = informers.of(namespaces);
  const mapCache = informers.of(configMaps);
  const data = { 'ca.crt': options.rootCA };
  namespaceCache.addHandlers({
    add: ({ metadata }) => queue.add(metadata.name),
    update: ({ metadata }) => queue.add(metadata.name),
  });
  mapCache.addHandlers({
    update: ({ metadata }) => metadata.name === NAME && queue.add(metadata.namespace!),
    delete: ({ metadata }) => metadata.name === NAME && queue.add(metadata.namespace!),
  });

  async function reconcile(namespace: string): Promise<void> {
    const found = namespaceCache.get(namespace);
    if (!found || found.status?.phase === 'Terminating') return;
    const current = mapCache.get(`${namespace}/${NAME}`);
    if (current) {
      if (isEqual(current.data, data)) return;
      await client.update(configMaps, { ...current, data });
      return;
    }
    await client
      .create(configMaps, { metadata: { name: NAME, namespace, annotations }, data })
      .catch((error: unknown) => {
        if (!isReason(error, 'AlreadyExists') && !isReason(error, 'NotFound') && !isNamespaceTerminating(error))
          throw error;
      });
  }

  const caches = [namespaceCache, mapCache];
  const concurrency = options.concurrentSyncs;
  return controlLoop(
    { name: 'root-ca-certificate-publisher', queue, informers: caches, concurrency, reconcile },
    environment,
  );
}
