// Everything a pod may ask of its containers, on one real node; answers with what was seen. All scenes run side by side.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Container, ContainerStatus, Pod, PodSpec } from '../../api/types/core.v1.ts';
import { configMaps, events, pods, secrets } from '../../client/resources.ts';
import { answer, shell } from '../network.ts';
import { createPod, getPod, isReady, NODE_IP, type OneNode, startOneNode } from './one-node.ts';

type Scene = (node: OneNode) => Promise<unknown>;

/** Asks until the answer is truthy; less often than one scene alone would, for all ask the same server. */
async function until<T>(what: string, ask: () => Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + 60_000;
  let last: unknown;
  while (Date.now() < deadline) {
    const found = await ask().catch((error: unknown) => {
      last = error;
    });
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not in time: ${what} (${last})`);
}

const sh = (command: string, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', command],
  ...more,
});
const once = (command: string, more: Partial<Container> = {}): PodSpec => ({
  restartPolicy: 'Never',
  containers: [sh(command, more)],
});
const statusOf = (pod: Pod, index = 0): ContainerStatus => pod.status!.containerStatuses![index];

async function log(node: OneNode, name: string, container = 'c', attempt = 0): Promise<string> {
  const { uid } = (await getPod(node.client, name)).metadata;
  const path = `${node.directory}/pods/${uid}/${container}/${attempt}.log`;
  return existsSync(path) ? readFileSync(path, 'utf8').replace(/^\S+ \S+ [FP] /gm, '') : '';
}

/** Runs the pod to its end; what it said, and how it ended. */
async function said(node: OneNode, name: string, spec: PodSpec): Promise<string> {
  await createPod(node.client, name, spec);
  await until(`${name} ends`, async () =>
    ['Succeeded', 'Failed'].includes((await getPod(node.client, name)).status?.phase ?? ''),
  );
  return log(node, name);
}

async function messages(node: OneNode, name: string): Promise<string[]> {
  const { items } = await node.client.list(events, {
    namespace: 'default',
    fieldSelector: `involvedObject.name=${name}`,
  });
  return items.map(({ reason, message }) => `${reason}: ${message}`);
}

const waiting = (node: OneNode, name: string, reason: string) =>
  until(`${name} waits: ${reason}`, async () => {
    const state = (await getPod(node.client, name)).status?.containerStatuses?.[0]?.state?.waiting;
    return state?.reason === reason ? (state.message ?? reason) : undefined;
  });

const ready = (node: OneNode, name: string) =>
  until(`${name} is Ready`, async () => isReady(await getPod(node.client, name)));

async function initContainers(node: OneNode): Promise<unknown> {
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

async function environment(node: OneNode): Promise<unknown> {
  await node.client.create(configMaps, { metadata: { name: 'colors', namespace: 'default' }, data: { sky: 'blue' } });
  const keyRef = { name: 'colors', key: 'sky' };
  const text = await said(node, 'env', {
    ...once('echo $JOINED $SKY $NAME $CPU $KUBERNETES_SERVICE_PORT $ALL_sky', {
      envFrom: [{ prefix: 'ALL_', configMapRef: { name: 'colors' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'SKY', valueFrom: { configMapKeyRef: keyRef } },
        { name: 'JOINED', value: '$(SKY)-$(UNSET)' },
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
      ],
      resources: { limits: { cpu: '500m' } },
    }),
  });
  await createPod(node.client, 'noenv', once('true', { envFrom: [{ configMapRef: { name: 'absent' } }] }));
  return { text, missing: await waiting(node, 'noenv', 'CreateContainerConfigError') };
}

async function volumes(node: OneNode): Promise<unknown> {
  const { client } = node;
  const at = { name: 'settings', namespace: 'default' };
  await client.create(configMaps, { metadata: at, data: { a: '1', b: '2' } });
  await client.create(secrets, { metadata: { name: 'keys', namespace: 'default' }, data: { key: 'c2VjcmV0' } });
  await createPod(client, 'volumes', {
    volumes: [
      { name: 'all', configMap: { name: 'settings' } },
      { name: 'some', configMap: { name: 'settings', items: [{ key: 'a', path: 'deep/file', mode: 0o400 }] } },
      { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o440 } },
      { name: 'about', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'node', hostPath: { path: '/srv/data', type: 'DirectoryOrCreate' } },
    ],
    containers: [
      sh('trap "exit 0" TERM; while :; do sleep 0.1; done', {
        volumeMounts: [
          { name: 'all', mountPath: '/all' },
          { name: 'all', mountPath: '/one', subPath: 'b' },
          { name: 'some', mountPath: '/some' },
          { name: 'keys', mountPath: '/keys' },
          { name: 'about', mountPath: '/about' },
          { name: 'memory', mountPath: '/memory' },
          { name: 'node', mountPath: '/node' },
          { name: 'node', mountPath: '/node/inner', subPath: 'x/y' },
        ],
      }),
    ],
  });
  await ready(node, 'volumes');
  const run = async (command: string): Promise<string> => {
    const { pid } = await findProcess(node, 'volumes');
    return (await shell(`nsenter -t ${pid} -m -p -- /bin/busybox sh -c 'exec 2>&1; ${command}' || true`)).trim();
  };
  const seen = {
    all: await run('cd /all && cat a b && ls'),
    one: await run('cat /one'),
    some: await run('cat /some/deep/file; stat -Lc %a /some/deep/file'),
    keys: await run('cat /keys/key; stat -Lc %a /keys/key; echo no > /keys/new'),
    about: await run('cat /about/labels'),
    memory: await run('grep " /memory " /proc/mounts | cut -d" " -f1; head -c 3000000 /dev/zero > /memory/big'),
    node: await run('echo kept > /node/inner/file; cat /node/x/y/file'),
    token: await run('cd /var/run/secrets/kubernetes.io/serviceaccount && cat namespace && head -c 3 token && ls'),
  };
  await client.patch(configMaps, at, { data: { a: 'new' } });
  await until('the file changes', async () => (await run('cat /all/a')) === 'new');
  return {
    ...seen,
    oneStays: await run('cat /one'),
    onHost: readFileSync(`${node.directory}/host/srv/data/x/y/file`, 'utf8'),
  };
}

async function findProcess(node: OneNode, name: string, container = 'c'): Promise<{ pid: number }> {
  const { uid } = (await getPod(node.client, name)).metadata;
  const text = readFileSync(`${node.directory}/containers/${uid}_${container}_0.run`, 'utf8');
  return { pid: Number(/^init (\d+)/m.exec(text)![1]) };
}

/** A folder that the machine shows read-only becomes writable in the one container that has something mounted in it. */
async function insideMachine(node: OneNode): Promise<unknown> {
  await node.client.create(configMaps, { metadata: { name: 'page', namespace: 'default' }, data: { index: 'hello' } });
  const volumeMounts = [{ name: 'page', mountPath: '/usr/share/nginx/html' }];
  return said(node, 'page', {
    restartPolicy: 'Never',
    volumes: [{ name: 'page', configMap: { name: 'page' } }],
    containers: [
      {
        name: 'c',
        image: 'nginx:1.27',
        command: ['sh', '-c', 'cat /usr/share/nginx/html/index; ls /usr/bin/perl'],
        volumeMounts,
      },
    ],
  });
}

async function missingVolume(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'later', {
    volumes: [{ name: 'cfg', configMap: { name: 'later' } }],
    containers: [{ name: 'c', image: 'pause', volumeMounts: [{ name: 'cfg', mountPath: '/cfg' }] }],
  });
  const reason = await until('FailedMount', async () =>
    (await messages(node, 'later')).find((text) => text.startsWith('FailedMount')),
  );
  const state = statusOf(await getPod(node.client, 'later')).state;
  await node.client.create(configMaps, { metadata: { name: 'later', namespace: 'default' }, data: { a: '1' } });
  await ready(node, 'later');
  return { reason, state };
}

async function lastWords(node: OneNode): Promise<unknown> {
  await said(node, 'words', once('echo -n done > /dev/termination-log; exit 3'));
  await said(node, 'logged', once('echo out of luck; exit 4', { terminationMessagePolicy: 'FallbackToLogsOnError' }));
  const of = async (name: string) => {
    const { exitCode, reason, message } = statusOf(await getPod(node.client, name)).state!.terminated!;
    return { exitCode, reason, message };
  };
  return [await of('words'), await of('logged')];
}

async function memory(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'hungry', {
    restartPolicy: 'Never',
    containers: [
      {
        name: 'c',
        image: 'echo',
        command: ['perl', '-e', 'my @x; push @x, "a" x (4 << 20) and select undef, undef, undef, 0.02 while 1'],
        resources: { limits: { memory: '40Mi' } },
      },
    ],
  });
  const ended = await until('it starves', async () => statusOf(await getPod(node.client, 'hungry')).state?.terminated);
  return { exitCode: ended.exitCode, reason: ended.reason };
}

async function security(node: OneNode): Promise<unknown> {
  const securityContext = {
    runAsUser: 1000,
    runAsGroup: 3000,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  };
  const asked = 'id -u; id -g; touch /x 2>&1; echo ok > /tmp/x; grep -E "NoNewPrivs|CapEff|CapBnd" /proc/self/status';
  const text = await said(node, 'plain-user', {
    ...once(asked, { securityContext, volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }),
    volumes: [{ name: 'tmp', emptyDir: {} }],
  });
  const low = await said(
    node,
    'low-port',
    once('nc -l -p 80 -w 1 2>&1; echo $?', { securityContext: { runAsUser: 1000 } }),
  );
  const inside = [
    'sh',
    '-c',
    'test $(id -u):$(id -g) = 1000:3000 && grep -q "CapBnd:.0000000000000000" /proc/self/status',
  ];
  const readinessProbe = { exec: { command: inside }, periodSeconds: 1 };
  await createPod(node.client, 'entered', {
    containers: [sh('exec sleep 1000', { securityContext, readinessProbe })],
    terminationGracePeriodSeconds: 0,
  });
  await ready(node, 'entered');
  await createPod(node.client, 'no-root', once('true', { securityContext: { runAsNonRoot: true } }));
  return { text, low, refused: await waiting(node, 'no-root', 'CreateContainerConfigError') };
}

async function hooks(node: OneNode): Promise<unknown> {
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

async function deadline(node: OneNode): Promise<unknown> {
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

async function crashes(node: OneNode): Promise<unknown> {
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

async function probes(node: OneNode): Promise<unknown> {
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

async function stubborn(node: OneNode): Promise<unknown> {
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

async function names(node: OneNode): Promise<unknown> {
  const text = await said(node, 'named', {
    ...once('hostname; tail -n 4 /etc/hosts'),
    hostname: 'db',
    subdomain: 'all',
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }],
  });
  return text.replace(/10\.244\.1\.\d+/, 'IP');
}

async function agnhost(node: OneNode): Promise<unknown> {
  const image = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
  const ports = [{ containerPort: 8080, hostPort: 18080 }];
  const readinessProbe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 };
  await createPod(node.client, 'agnhost', {
    containers: [{ name: 'c', image, args: ['netexec'], ports, readinessProbe }],
  });
  await createPod(node.client, 'names', { containers: [{ name: 'c', image, args: ['serve-hostname'] }] });
  await ready(node, 'agnhost');
  await ready(node, 'names');
  const ip = async (name: string): Promise<string> => (await getPod(node.client, name)).status!.podIP!;
  const url = `http://${await ip('agnhost')}:8080`;
  const other = await ip('names');
  const curl = (path: string): Promise<string> => shell(`curl -s -m 5 '${path}'`);
  const reachable = await until(
    'names answers',
    async () => (await curl(`http://${other}:9376`).catch(() => '')) || undefined,
  );
  return {
    hostname: await curl(`${url}/hostname`),
    echo: await curl(`${url}/echo?msg=hi%20there`),
    header: (await curl(`${url}/header?key=User-Agent`)).split('/')[0],
    dial: await curl(`${url}/dial?host=${other}&port=9376&request=/&protocol=http&tries=2`),
    udp: await curl(`${url}/dial?host=127.0.0.1&port=8081&request=hostname&protocol=udp`),
    shell: await curl(`${url}/shell?cmd=echo%20a`),
    refused: await curl(`${url}/shell?cmd=/agnhost%20connect%20127.0.0.1:1%20--timeout%201s`),
    byHostPort: await curl(`http://${NODE_IP}:18080/hostname`),
    reachable,
  };
}

async function ephemeral(node: OneNode): Promise<unknown> {
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

async function images(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'never', { containers: [{ name: 'c', image: 'redis:7', imagePullPolicy: 'Never' }] });
  await createPod(node.client, 'invalid', { containers: [{ name: 'c', image: 'UPPER:7' }] });
  return [await waiting(node, 'never', 'ErrImageNeverPull'), await waiting(node, 'invalid', 'InvalidImageName')];
}

/** What the agent calls its cgroups. */
function cgroupPrefix({ directory }: OneNode): string {
  return `vitrine-${createHash('sha256').update(directory).digest('hex').slice(0, 10)}`;
}

const SCENES: Record<string, Scene> = {
  initContainers,
  environment,
  volumes,
  insideMachine,
  missingVolume,
  lastWords,
  memory,
  security,
  hooks,
  deadline,
  crashes,
  probes,
  stubborn,
  names,
  agnhost,
  ephemeral,
  images,
};

await answer(async ({ only }: { only?: string[] }) => {
  const node = await startOneNode();
  const chosen = Object.entries(SCENES).filter(([name]) => !only || only.includes(name));
  const outcomes = chosen.map(async ([name, scene]) => [
    name,
    await scene(node).catch((error: Error) => `failed: ${error.message}`),
  ]);
  const seen: Record<string, unknown> = Object.fromEntries(await Promise.all(outcomes));
  const { items } = await node.client.list(pods, { namespace: 'default' });
  for (const { metadata } of items) {
    await node.client.delete(pods, { name: metadata.name, namespace: 'default' }, { gracePeriodSeconds: 0 });
  }
  await until('nothing of the pods is left', async () => readdirSync(`${node.directory}/pods`).length === 0);
  seen.left = {
    namespaces: readdirSync('/run/netns'),
    containers: readdirSync(`${node.directory}/containers`),
    shims: (await shell('pgrep -f shim[.]pl || true')).trim(),
    mounts: (await shell(`grep -c ${node.directory}/pods /proc/mounts || true`)).trim(),
    hostPorts: (await shell('nft list table ip vitrine-host-ports 2>/dev/null || true')).trim(),
    cgroups: (
      await shell(`find /sys/fs/cgroup -maxdepth 6 -name '${cgroupPrefix(node)}-*' 2>/dev/null || true`)
    ).trim(),
  };
  await node.close();
  return seen;
});
