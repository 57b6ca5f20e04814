// One pod's life on one real node; answers with what was seen on the way.
import { readdirSync } from 'node:fs';
import type { ContainerStatus, Pod } from '../../api/types/core.v1.ts';
import { endpointSlices, events, nodes, pods, services } from '../../client/resources.ts';
import { answer, shell } from '../network.ts';
import { createPod, getPod, isReady, NODE_IP, startOneNode, until } from './one-node.ts';

const statusOf = (pod: Pod): ContainerStatus => pod.status!.containerStatuses![0];
/** The pid of the only process that runs `/opt/echo` with these arguments. */
const pidOfEcho = async (): Promise<number> => Number(await shell("pgrep -f '^/usr/bin/perl /opt/echo'"));

await answer(async () => {
  const node = await startOneNode();
  const { client } = node;
  const seen: Record<string, unknown> = {};
  const clock = async (name: string, work: Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await work;
    seen[name] = performance.now() - began;
  };
  const ready = (name: string) => until(`${name} is Ready`, async () => isReady(await getPod(client, name)));
  const readyEndpoints = async (): Promise<number> => {
    const { items } = await client.list(endpointSlices, { namespace: 'default' });
    const ours = items.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web');
    return ours.flatMap((slice) => slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready).length;
  };

  await client.create(services, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await createPod(client, 'web', { containers: [{ name: 'web', image: 'nginx:1.27' }] });
  await clock('readyMs', ready('web'));
  const pod = await getPod(client, 'web');
  seen.address = pod.status!.podIP;
  seen.answer = await shell(`curl -s -m 2 http://${pod.status!.podIP}/hello`);
  await until('one endpoint', async () => (await readyEndpoints()) === 1);

  process.kill(await pidOfEcho(), 'SIGKILL');
  await clock(
    'outMs',
    until('no endpoint', async () => (await readyEndpoints()) === 0),
  );
  await clock(
    'backMs',
    until('one endpoint again', async () => (await readyEndpoints()) === 1),
  );
  const restarted = statusOf(await getPod(client, 'web'));
  seen.restarts = restarted.restartCount;
  seen.lastExitCode = restarted.lastState?.terminated?.exitCode;

  const before = await pidOfEcho();
  await node.stopAgent();
  await until('the node is not Ready', async () => !isReady(await client.get(nodes, { name: 'node-1' })));
  await until('the pod is not Ready', async () => !isReady(await getPod(client, 'web')));
  node.startAgent();
  await until('the node is Ready again', async () => isReady(await client.get(nodes, { name: 'node-1' })));
  await ready('web');
  seen.adopted = before === (await pidOfEcho());
  seen.restartsAfterAgent = statusOf(await getPod(client, 'web')).restartCount;

  await node.stopAgent();
  process.kill(before, 'SIGKILL');
  node.startAgent();
  await until('restarted by the next agent', async () => statusOf(await getPod(client, 'web')).restartCount === 2);

  await createPod(client, 'unknown', { containers: [{ name: 'c', image: 'registry.example/redis:7' }] });
  const waiting = await until('waits for its image', async () => {
    return statusOf(await getPod(client, 'unknown')).state?.waiting?.message;
  });
  seen.waiting = waiting;
  await createPod(client, 'job', {
    restartPolicy: 'Never',
    initContainers: [{ name: 'first', image: 'busybox', command: ['true'] }],
    containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', 'exit 3'] }],
  });
  seen.jobPhase = await until('the job ends', async () => {
    const { phase } = (await getPod(client, 'job')).status!;
    return phase === 'Succeeded' || phase === 'Failed' ? phase : undefined;
  });
  await createPod(client, 'host', { hostNetwork: true, containers: [{ name: 'c', image: 'echo' }] });
  await ready('host');
  seen.hostAnswer = await shell(`curl -s -m 2 http://${NODE_IP}:8080/hostname`);
  seen.mirror = (await client.get(pods, { name: 'kube-proxy-node-1', namespace: 'kube-system' })).status?.phase;
  const { items } = await client.list(events, { namespace: 'default' });
  seen.reasons = [...new Set(items.map(({ reason }) => reason))].sort();

  await client.delete(pods, { name: 'web', namespace: 'default' });
  await clock(
    'deletedMs',
    until(
      'the pod is gone',
      async () => !(await client.list(pods, { namespace: 'default' })).items.some((one) => one.metadata.name === 'web'),
    ),
  );
  for (const name of ['unknown', 'job', 'host']) {
    await client.delete(pods, { name, namespace: 'default' }, { gracePeriodSeconds: 0 });
  }
  await until('nothing of the pods is left', async () => readdirSync(`${node.directory}/pods`).length === 0);
  seen.namespacesLeft = readdirSync('/run/netns');
  seen.containersLeft = readdirSync(`${node.directory}/containers`);
  seen.processesLeft = (await shell('pgrep -f shim[.]pl || true')).trim();
  seen.linksLeft = (await shell('ip -br link | grep -c veth || true')).trim();
  await node.close();
  return seen;
});
