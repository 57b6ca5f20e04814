// Exercises an API server as programs written with @kubernetes/client-node do: one line a check, exit code 1 when one failed. The
// server is the one KUBECONFIG names; everything is made in a namespace of this program's own.
import assert from 'node:assert/strict';
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';

const NAMESPACE = 'client-node';
const PATIENCE_MS = 20_000;

const config = new KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const namespace = NAMESPACE;

const configMap = (name, group) => ({ metadata: { name, labels: { group } }, data: { a: '1' } });
const create = (body) => core.createNamespacedConfigMap({ namespace, body });

const refused = (code, call) => assert.rejects(call, (error) => error instanceof ApiException && error.code === code);

async function eventually(what, isDone) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isDone())) {
    assert(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const checks = {
  async 'create, read, replace, conflict, delete'() {
    const made = await create(configMap('one'));
    assert(made.metadata.uid && made.metadata.creationTimestamp instanceof Date);
    await refused(409, create(configMap('one')));
    const body = { ...made, data: { a: '2' } };
    await core.replaceNamespacedConfigMap({ namespace, name: 'one', body });
    await refused(
      409,
      core.replaceNamespacedConfigMap({ namespace, name: 'one', body: { ...made, data: { a: '3' } } }),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: 'one' });
    await refused(404, core.readNamespacedConfigMap({ namespace, name: 'one' }));
  },

  async 'patches: merge, strategic, JSON, server-side apply'() {
    await create(configMap('patched'));
    const patch = (strategy, body, options = {}) =>
      core.patchNamespacedConfigMap(
        { namespace, name: 'patched', body, ...options },
        setHeaderOptions('Content-Type', strategy),
      );
    assert.deepEqual((await patch(PatchStrategy.MergePatch, { data: { a: null, b: '2' } })).data, { b: '2' });
    assert.deepEqual((await patch(PatchStrategy.StrategicMergePatch, { data: { c: '3' } })).data, { b: '2', c: '3' });
    await patch(PatchStrategy.JsonPatch, [{ op: 'remove', path: '/data/c' }]);
    await refused(422, patch(PatchStrategy.JsonPatch, [{ op: 'remove', path: '/data/c' }]));
    const wish = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched' }, data: { d: '4' } };
    const applied = await patch(PatchStrategy.ServerSideApply, wish, { fieldManager: 'one' });
    assert.deepEqual(applied.data, { b: '2', d: '4' });
  },

  async 'lists in pages'() {
    for (let number = 0; number < 7; number++) await create(configMap(`page-${number}`, 'pages'));
    const names = [];
    let token;
    do {
      const page = await core.listNamespacedConfigMap({
        namespace,
        labelSelector: 'group=pages',
        limit: 3,
        _continue: token,
      });
      names.push(...page.items.map(({ metadata }) => metadata.name));
      token = page.metadata._continue;
    } while (token);
    assert.deepEqual(
      names,
      Array.from({ length: 7 }, (_, number) => `page-${number}`),
    );
  },

  async 'watch from a version'() {
    const first = await create(configMap('first', 'watch'));
    await create(configMap('second', 'watch'));
    await core.deleteNamespacedConfigMap({ namespace, name: 'first' });
    const said = [];
    await new Promise((resolve, reject) => {
      const { resourceVersion } = first.metadata;
      const query = { labelSelector: 'group=watch', resourceVersion, timeoutSeconds: 1 };
      const tell = (type, object) => said.push(`${type} ${object.metadata.name}`);
      const done = (error) => (error ? reject(error) : resolve());
      new Watch(config).watch(`/api/v1/namespaces/${NAMESPACE}/configmaps`, query, tell, done).catch(reject);
    });
    assert.deepEqual(said, ['ADDED second', 'DELETED first']);
  },

  async 'informer: add, update, delete'() {
    const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'group=informer' });
    const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
    const informer = makeInformer(config, path, list, 'group=informer');
    const said = [];
    for (const verb of ['add', 'update', 'delete'])
      informer.on(verb, ({ metadata }) => said.push(`${verb} ${metadata.name}`));
    await create(configMap('before', 'informer'));
    await informer.start();
    const made = await create(configMap('after', 'informer'));
    await core.replaceNamespacedConfigMap({ namespace, name: 'after', body: { ...made, data: {} } });
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'group=informer' });
    await eventually(`five events, not ${said}`, () => said.length === 5);
    await informer.stop();
    assert.deepEqual(said.slice(0, 3), ['add before', 'add after', 'update after']);
    assert.deepEqual(said.slice(3).sort(), ['delete after', 'delete before']);
  },

  async 'objects of any kind'() {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const spec = { ports: [{ port: 80 }] };
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace }, spec };
    const made = await objects.create(service);
    assert(made.spec.clusterIP);
    await objects.patch({ ...service, metadata: { ...service.metadata, labels: { a: 'b' } } });
    await objects.delete(service);
    await refused(404, objects.read(service));
  },

  async 'a Deployment, its scale, its pods'() {
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'echo', image: 'echo' }] } };
    const body = { metadata: { name: 'web' }, spec: { replicas: 1, selector: { matchLabels: labels }, template } };
    await apps.createNamespacedDeployment({ namespace, body });
    const scale = { metadata: { name: 'web', namespace }, spec: { replicas: 2 } };
    await apps.replaceNamespacedDeploymentScale({ namespace, name: 'web', body: scale });
    const pods = async () => (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items;
    await eventually('two pods', async () => (await pods()).length === 2);
    await apps.deleteNamespacedDeployment({ namespace, name: 'web', propagationPolicy: 'Foreground' });
    await eventually('no pods', async () => (await pods()).length === 0);
  },
};

await core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${`${error.message}`.replaceAll('\n', ' ')}`);
    process.exitCode = 1;
  }
}
