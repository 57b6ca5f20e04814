// Scenes of how containers begin, fail, are looked at, and end.
import { readFileSync } from 'node:fs';
import { pods } from '../../client/resources.ts';
import { shell } from '../network.ts';
import { createPod, getPod, isReady, type OneNode } from './one-node.ts';
import { log, messages, once, ready, said, sh, statusOf, until, waiting } from './scene.ts';

export async function initContainers(node: OneNode): Promise<unknown> {
  const volumeMounts = [{ name: 'work', mountPath: '/work' }];
  const step = (name: string) => sh(`echo ${name} >> /work/steps`, { name, volumeMounts });
  const sidecar = sh('echo side >> /work/steps; touch /work/up; trap "exit 0" TERM; while :; do sleep 0.1; done', {
    name: 'side',
    restartPolicy: 'Always',
    startupProbe: { exec: { command: ['test', '-e', '/work/up'] }, periodSeconds: 1 },
    volumeMounts,
  });
  await createPod(node.client, 'init', {
    restartPolicy: 'Never',
    volumes: [{ name: 'work', emptyDir: {} }],
    initContainers: [step('one'), sidecar, step('two')],
    containers: [sh('cat /work/steps', { volumeMounts })],
  });
  await until('init ends', async () => (await getPod(node.client, 'init')).status?.phase === 'Succeeded');
  const side = await until('the sidecar ends', async () => {
    const pod = await getPod(node.client, 'init');
    return pod.status!.initContainerStatuses![1].state?.terminated;
  });
  return {
    steps: (await log(node, 'init')).trim().split('\n'),
    initReady: (await getPod(node.client, 'init')).status!.initContainerStatuses!.map((one) => one.ready && one.name),
    sideExit: side.exitCode,
    killing: await until('Killing', async () =>
      (await messages(node, 'init')).find((text) => text.startsWith('Killing')),
    ),
  };
}

export async function lastWords(node: OneNode): Promise<unknown> {
  await said(node, 'words', once('echo -n done > /dev/termination-log; exit 3'));
  await said(node, 'logged', once('echo out of luck; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' }));
  const of = async (name: string) => {
    const { exitCode, reason, message } = statusOf(await getPod(node.client, name)).state!.terminated!;
    return { exitCode, reason, message };
  };
  return [await of('words'), await of('logged')];
}

export async function hooks(node: OneNode): Promise<unknown> {
  const { client } = node;
  const volumeMounts = [{ name: 'node', mountPath: '/node' }];
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', 'sleep 0.3; echo post >> /node/hooks'] } },
    preStop: { exec: { command: ['sh', '-c', 'echo pre >> /node/hooks'] } },
  };
  await createPod(client, 'hooks', {
    terminationGracePeriodSeconds: 5,
    volumes: [{ name: 'node', hostPath: { path: '/srv/hooks' } }],
    containers: [
      sh('trap "echo term >> /node/hooks; exit 0" TERM; while :; do sleep 0.1; done', { volumeMounts, lifecycle }),
    ],
  });
  await ready(node, 'hooks');
  const file = `${node.directory}/host/srv/hooks/hooks`;
  const whenReady = readFileSync(file, 'utf8');
  await client.delete(pods, { name: 'hooks', namespace: 'default' });
  await until('hooks is gone', async () => !(await has(node, 'hooks')));
  await createPod(client, 'bad-hook', {
    terminationGracePeriodSeconds: 0,
    containers: [sh('sleep 100', { lifecycle: { postStart: { exec: { command: ['false'] } } } })],
  });
  await until('the hook has failed', async () =>
    (await messages(node, 'bad-hook')).includes('FailedPostStartHook: PostStartHook failed'),
  );
  return { whenReady, after: readFileSync(file, 'utf8') };
}

async function has(node: OneNode, name: string): Promise<boolean> {
  return (await node.client.list(pods, { namespace: 'default' })).items.some(({ metadata }) => metadata.name === name);
}

export async function deadline(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'deadline', {
    ...once('exec sleep 100'),
    activeDeadlineSeconds: 1,
    terminationGracePeriodSeconds: 0,
  });
  const pod = await until('it is over', async () => {
    const found = await getPod(node.client, 'deadline');
    return found.status?.phase === 'Failed' && found.status.containerStatuses?.[0].state?.terminated
      ? found
      : undefined;
  });
  return { reason: pod.status!.reason, message: pod.status!.message };
}

export async function crashes(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'crashing', { containers: [sh('exit 7')] });
  const message = await waiting(node, 'crashing', 'CrashLoopBackOff');
  const { restartCount, lastState } = statusOf(await getPod(node.client, 'crashing'));
  await createPod(node.client, 'noprogram', { containers: [{ name: 'c', image: 'busybox', command: ['nope'] }] });
  await waiting(node, 'noprogram', 'CrashLoopBackOff');
  const { lastState: failed } = statusOf(await getPod(node.client, 'noprogram'));
  return {
    message,
    restartCount,
    lastExit: lastState?.terminated?.exitCode,
    failed: [failed?.terminated?.reason, failed?.terminated?.exitCode],
  };
}

export async function probes(node: OneNode): Promise<unknown> {
  const livenessProbe = {
    exec: { command: ['test', '!', '-e', '/tmp/sick'] },
    periodSeconds: 1,
    failureThreshold: 1,
    terminationGracePeriodSeconds: 1,
  };
  await createPod(node.client, 'sick', {
    terminationGracePeriodSeconds: 100,
    containers: [sh('trap "" TERM; sleep 0.5; touch /tmp/sick; while :; do sleep 1; done', { livenessProbe })],
  });
  await until('sick is restarted', async () => statusOf(await getPod(node.client, 'sick')).restartCount > 0);
  const told = await until('the events', async () => {
    const found = (await messages(node, 'sick')).filter((text) => /^(Killing|Unhealthy)/.test(text));
    return found.length >= 2 ? found : undefined;
  });
  await node.client.delete(pods, { name: 'sick', namespace: 'default' }, { gracePeriodSeconds: 0 });
  return told.sort();
}

export async function stubborn(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'stubborn', {
    terminationGracePeriodSeconds: 1,
    containers: [
      sh('trap "" TERM; for i in 1 2 3; do (trap "" TERM; sleep 4711) & done; while :; do sleep 4711; done'),
    ],
  });
  await ready(node, 'stubborn');
  const began = performance.now();
  await node.client.delete(pods, { name: 'stubborn', namespace: 'default' });
  await until('stubborn is gone', async () => !(await has(node, 'stubborn')));
  const tookMs = performance.now() - began;
  return { waited: tookMs >= 950 && tookMs < 10_000, left: await shell("pgrep -f '^sleep 4711' || true") };
}

export async function ephemeral(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'debugged', { containers: [{ name: 'c', image: 'echo' }] });
  await ready(node, 'debugged');
  const debug = {
    name: 'debug',
    image: 'busybox',
    command: ['sh', '-c', 'cat /proc/1/cmdline | tr "\\0" " "; exit 5'],
    targetContainerName: 'c',
  };
  const spec = { ephemeralContainers: [debug] };
  await node.client.patch(
    pods,
    { name: 'debugged', namespace: 'default' },
    { spec },
    { type: 'strategic', subresource: 'ephemeralcontainers' },
  );
  const ended = await until('the debugger ends', async () => {
    return (await getPod(node.client, 'debugged')).status?.ephemeralContainerStatuses?.[0].state?.terminated;
  });
  return {
    exitCode: ended.exitCode,
    saw: await log(node, 'debugged', 'debug'),
    ready: isReady(await getPod(node.client, 'debugged')),
  };
}

export async function images(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'never', { containers: [{ name: 'c', image: 'redis:7', imagePullPolicy: 'Never' }] });
  await createPod(node.client, 'invalid', { containers: [{ name: 'c', image: 'UPPER:7' }] });
  return [await waiting(node, 'never', 'ErrImageNeverPull'), await waiting(node, 'invalid', 'InvalidImageName')];
}

export async function imageChanges(node: OneNode): Promise<unknown> {
  const { client } = node;
  const at = { name: 'changing', namespace: 'default' };
  const change = (image: string) =>
    client.patch(pods, at, { spec: { containers: [{ name: 'c', image }] } }, { type: 'strategic' });
  await createPod(client, at.name, {
    terminationGracePeriodSeconds: 1,
    containers: [sh('exec sleep 1000', { image: 'absent' })],
  });
  await waiting(node, at.name, 'ImagePullBackOff');
  await change('busybox'); // tried at once, whatever the one before has to wait for
  await ready(node, at.name);
  await change('registry.k8s.io/busybox:2');
  await until('the other image runs', async () => {
    const { image, ready: isReady, restartCount } = statusOf(await getPod(client, at.name));
    return image === 'registry.k8s.io/busybox:2' && isReady && restartCount === 1;
  });
  return until('Killing', async () => (await messages(node, at.name)).find((text) => text.startsWith('Killing')));
}
