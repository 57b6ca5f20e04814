// Scenes of what a container finds around it: environment, volumes, machine, users, memory, names.
import { readFileSync } from 'node:fs';
import { configMaps, secrets } from '../../client/resources.ts';
import { shell } from '../network.ts';
import { createPod, getPod, NODE_IP, type OneNode } from './one-node.ts';
import { log, messages, once, ready, said, sh, statusOf, until, waiting } from './scene.ts';

export async function environment(node: OneNode): Promise<unknown> {
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

export async function volumes(node: OneNode): Promise<unknown> {
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
export async function insideMachine(node: OneNode): Promise<unknown> {
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

export async function missingVolume(node: OneNode): Promise<unknown> {
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

export async function memory(node: OneNode): Promise<unknown> {
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

/** Containers that see each other's processes; what one leaves behind goes with it; and the kernel's settings of a pod. */
export async function together(node: OneNode): Promise<unknown> {
  await createPod(node.client, 'together', {
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: 1,
    securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] },
    containers: [
      sh('(exec sleep 54321) & sleep 1; exit 3', { name: 'leaver' }),
      sh(
        'until ps | grep -q "sleep 5432[1]"; do sleep 0.1; done; echo seen; cat /proc/sys/kernel/shm_rmid_forced; exec sleep 10000',
      ),
    ],
  });
  const seen = await until('one sees the other', async () => {
    const text = await log(node, 'together');
    return text.split('\n').length > 2 && text;
  });
  await until('the other has ended', async () => {
    const { containerStatuses = [] } = (await getPod(node.client, 'together')).status ?? {};
    return containerStatuses.some(
      ({ lastState, state }) => (lastState?.terminated ?? state?.terminated)?.exitCode === 3,
    );
  });
  await createPod(node.client, 'unsafe', {
    ...once('true'),
    securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '65536' }] },
  });
  const refused = await until('the other is refused', async () => {
    const { status } = await getPod(node.client, 'unsafe');
    return status?.phase === 'Failed' && { reason: status.reason, message: status.message };
  });
  return { seen, refused };
}

export async function security(node: OneNode): Promise<unknown> {
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

export async function names(node: OneNode): Promise<unknown> {
  const text = await said(node, 'named', {
    ...once('hostname; tail -n 4 /etc/hosts'),
    hostname: 'db',
    subdomain: 'all',
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }],
  });
  return text.replace(/10\.244\.1\.\d+/, 'IP');
}

export async function agnhost(node: OneNode): Promise<unknown> {
  const image = 'registry.k8s.io/e2e-test-images/agnhost:2.53';
  const ports = [{ containerPort: 8080, hostPort: 18080 }];
  const readinessProbe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 };
  await createPod(node.client, 'agnhost', {
    containers: [{ name: 'c', image, args: ['netexec'], ports, readinessProbe }],
  });
  await createPod(node.client, 'names', { containers: [{ name: 'c', image, args: ['serve-hostname'] }] });
  const args = ['netexec', '--tls-cert-file=/localhost.crt', '--tls-private-key-file=/localhost.key'];
  const lookByTLS = { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTPS' as const }, periodSeconds: 1 };
  await createPod(node.client, 'secure', { containers: [{ name: 'c', image, args, readinessProbe: lookByTLS }] });
  for (const name of ['agnhost', 'names', 'secure']) await ready(node, name);
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
    netcat: await curl(`${url}/shell?cmd=echo%20hostname|/nc%20-u%20-w%201%20127.0.0.1%208081`),
    refused: await curl(`${url}/shell?cmd=/agnhost%20connect%20127.0.0.1:1%20--timeout%201s`),
    byHostPort: await curl(`http://${NODE_IP}:18080/hostname`),
    byTLS: (await shell(`curl -sk -m 5 https://${await ip('secure')}:8080/clientip`)).replace(/:\d+$/, ''),
    reachable,
  };
}
