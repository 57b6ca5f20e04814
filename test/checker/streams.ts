// `npm run check:streams [-- --streams N --mib N]`: the streams of kubectl (the newest at hand and 1.27) and @kubernetes/client-node under
// load, in a lab; prints how fast each was. Ends with 1 when a byte is lost, or when anything is left of them: a process, a descriptor.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { check } from '../../host/exec.ts';
import { findKubectl } from '../harness/cluster.ts';
import { eventually, TestLab } from '../harness/lab.ts';
import { execByLibrary } from '../node/library-exec.ts';
import { checkFlags } from './flags.ts';
import { holdingsOf, remains } from './remains.ts';
import { manyStreams, shell, TRIALS, type Trial } from './stream-trials.ts';

const FLAGS = {
  streams: { type: z.coerce.number().int().positive().default(500), help: 'how many short ones (default 500)' },
  mib: { type: z.coerce.number().int().positive().default(100), help: 'of what goes both ways (default 100)' },
};
const GONE_MS = 60_000;

const sh = (name: string, command: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name, image: 'busybox', command: ['sh', '-c', command], ...more }],
  },
});
const PODS = [
  sh('box', 'exec sleep 100000'),
  sh('files', 'head -c 104857600 /dev/urandom > /tmp/large; exec httpd -f -p 8000 -h /tmp'),
  // Whole in the log's parts, with the time that stands before each line.
  sh('talker', 'head -c 18000000 /dev/urandom > /tmp/said; base64 /tmp/said; exec sleep 100000', { stdin: true }),
  sh('short', 'echo short; exec sleep 100000'),
];

/** What is there before must be there after: no pod is about to become another program. */
const SETTLED = `for pod in box files talker short; do
  until k exec $pod -- cat /proc/1/cmdline | grep -qaE '^(sleep|httpd)'; do sleep 0.2; done
done`;

const values = checkFlags('check:streams', FLAGS);
const newest = findKubectl();
if (!newest) throw new Error('there is no kubectl');
const kubectls = [newest, join(dirname(newest), 'kubectl.1.27')].filter(existsSync);
const lab = new TestLab({ nodes: 1 });
let problems = 0;

async function timed(what: string, mib: number | undefined, work: () => Promise<void>): Promise<void> {
  const began = performance.now();
  const outcome = await work().then(
    () => 'right',
    (error: Error) => `WRONG: ${error.message}`,
  );
  const seconds = (performance.now() - began) / 1000;
  if (outcome !== 'right') problems += 1;
  const speed = mib ? `, ${(mib / seconds).toFixed(0)} MiB/s` : '';
  process.stdout.write(`${what}: ${outcome}, ${seconds.toFixed(1)} s${speed}\n`);
}

try {
  await lab.up();
  await lab.apply({ apiVersion: 'v1', kind: 'List', items: PODS });
  await lab.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s');
  const file = join(lab.directory, 'large');
  await check(['sh', '-c', `head -c ${values.mib << 20} /dev/urandom > ${file}`]);
  const sum = (await check(['md5sum', file])).slice(0, 32);
  const trials = kubectls.map((kubectl): Trial => ({ lab, kubectl, file, sum }));
  await shell(trials[0], SETTLED);
  const before = await holdingsOf(lab);
  for (const trial of trials) {
    for (const [what, work] of Object.entries(TRIALS)) {
      const mib = /^exec, in|^cp/.test(what) ? values.mib : undefined;
      await timed(`${trial.kubectl.split('/').at(-1)}, ${what}`, mib, () => work(trial));
    }
    const share = Math.ceil(values.streams / trials.length);
    await timed(`${trial.kubectl.split('/').at(-1)}, ${share} streams`, undefined, () => manyStreams(trial, share, 8));
  }
  await timed('@kubernetes/client-node, in and out', values.mib, async () => {
    const { isSame, status } = await execByLibrary(lab.kubeconfig, values.mib << 20);
    if (!isSame) throw new Error(JSON.stringify(status));
  });
  await timed('nothing is left of them', undefined, async () => {
    await eventually(
      async () => remains(before, await holdingsOf(lab)),
      (left) => left.length === 0,
      GONE_MS,
    );
  });
  process.exitCode = problems === 0 ? 0 : 1;
} finally {
  await lab.remove();
}
