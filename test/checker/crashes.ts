// `npm run check:crashes [-- --seconds N --pods N]`: pods that end badly in every way, again and again, and are deleted then. Ends with 1
// when anything of them is left: a process, a namespace, a mount, a cgroup, a file, a descriptor.
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { stopSignal } from '../../host/lifecycle.ts';
import { eventually, TestLab } from '../harness/lab.ts';
import { checkFlags } from './flags.ts';
import { holdingsOf, remains } from './remains.ts';

const FLAGS = {
  seconds: { type: z.coerce.number().int().positive().default(600), help: 'how long (default 600)' },
  pods: { type: z.coerce.number().int().positive().default(50), help: 'how many (default 50)' },
};

/** ms within which a deleted pod is gone, however it has ended so far. */
const GONE_MS = 90_000;
const sh = (command: string): object => ({ image: 'busybox', command: ['sh', '-c', command] });
const probe = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 };

/** Ways to end; a pod gets one by its number. */
const ENDINGS: readonly object[] = [
  sh('exit 1'),
  sh('kill -SEGV $$'),
  sh('(sleep 100000 &) ; (trap "" TERM; sleep 100000 &); exit 3'),
  sh('echo some words; sleep 5; exit 0'),
  { image: 'busybox', command: ['/no/such/program'] },
  { ...sh('x=$(head -c 100000000 /dev/zero | tr "\\0" x); sleep 5'), resources: { limits: { memory: '20Mi' } } },
  { ...sh('trap "" TERM; sleep 100000'), livenessProbe: { ...probe, initialDelaySeconds: 2 } },
  { ...sh('exec sleep 100000'), lifecycle: { postStart: { exec: { command: ['false'] } } } },
  { ...sh('yes'), resources: { limits: { memory: '20Mi', cpu: '50m' } }, livenessProbe: probe },
  { image: 'echo', args: ['-port=8080'], livenessProbe: { tcpSocket: { port: 1 }, periodSeconds: 2 } },
];

const volumes = [
  { name: 'disk', emptyDir: {} },
  { name: 'memory', emptyDir: { medium: 'Memory' } },
  { name: 'config', configMap: { name: 'kube-root-ca.crt' } },
];
const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/volumes/${name}` }));

const pod = (number: number): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `crash-${number}`, labels: { app: 'crash' } },
  spec: {
    terminationGracePeriodSeconds: 2,
    volumes,
    containers: [{ name: 'c', volumeMounts, ...ENDINGS[number % ENDINGS.length] }],
  },
});

async function restarts(lab: TestLab): Promise<number> {
  const path = 'jsonpath={.items[*].status.containerStatuses[0].restartCount}';
  const counts = (await lab.kubectl('get', 'pods', '-l', 'app=crash', '-o', path)).split(' ');
  return counts.reduce((all, one) => all + Number(one), 0);
}

const values = checkFlags('check:crashes', FLAGS);
const signal = stopSignal();
const lab = new TestLab({ nodes: 2 });
try {
  await lab.up();
  await lab.kubectl('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s');
  const before = await holdingsOf(lab);
  const items = Array.from({ length: values.pods }, (_, number) => pod(number));
  await lab.apply({ apiVersion: 'v1', kind: 'List', items });
  await sleep(values.seconds * 1000, undefined, { signal }).catch(() => {}); // rejects only by the signal
  process.stdout.write(`${values.pods} pods, ${await restarts(lab)} restarts in ${values.seconds} s\n`);
  await lab.kubectl('delete', 'pods', '-l', 'app=crash', '--wait=false');
  const left = await eventually(
    async () => remains(before, await holdingsOf(lab)),
    (found) => found.length === 0,
    GONE_MS,
  ).catch((error: Error) => error.message);
  process.stdout.write(left.length === 0 ? 'nothing is left of them\n' : `${left}\n`);
  process.exitCode = left.length === 0 ? 0 : 1;
} finally {
  await lab.remove();
}
