// Commands and logs of a pod, from the client's side of the API server: how soon a command has run, how many bytes a second pass.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { check } from '../host/exec.ts';
import { runJob } from './child.ts';
import { appears, end, type Target, targetOf, VITRINE } from './server.ts';
import { type Bench, type Context, percentile, type Row, spread } from './table.ts';
import type { PipeAnswer, PipeJob } from './tls-pipe.ts';
import { connect, type Wire } from './wire.ts';

const ROUNDS = 50;
const MIB = 1 << 20;
const STREAM = 100 * MIB;
const PODS = '/api/v1/namespaces/default/pods';

/** Of the container: it fills the better part of one log file, and waits. */
const TALK =
  'i=0; while [ $i -lt 60000 ]; do echo "$i 0123456789012345678901234567890123456789012345678901234567890123456789"; i=$((i + 1)); done; exec sleep 100000';

async function makePod(wire: Wire): Promise<void> {
  const containers = [{ name: 'box', image: 'busybox', command: ['sh', '-c', TALK] }];
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'box' }, spec: { containers } });
  // No pod without the account it runs as, which the controllers make when they are up.
  const create = (): Promise<boolean> =>
    wire.send({ method: 'POST', path: PODS, contentType: 'application/json', body }).then(
      () => true,
      (error: Error) => {
        if (!error.message.includes('service account')) throw error;
        return false;
      },
    );
  while (!(await create())) await setTimeout(50);
  for (;;) {
    const pod = JSON.parse(await wire.send({ method: 'GET', path: `${PODS}/box` })) as { status: { phase: string } };
    if (pod.status.phase === 'Running') return;
    await setTimeout(20);
  }
}

/** Runs a command as kubectl does; `input` bytes go to it. Resolves with the bytes it said. */
async function exec({ host, port, ca, token }: Target, command: readonly string[], input = 0): Promise<number> {
  const query = new URLSearchParams({ stdout: 'true', stdin: String(input > 0) });
  for (const word of command) query.append('command', word);
  const headers = { authorization: `Bearer ${token}` };
  const socket = new WebSocket(`wss://${host}:${port}${PODS}/box/exec?${query}`, ['v5.channel.k8s.io'], {
    ca,
    headers,
  });
  let heard = 0;
  socket.on('message', (message) => {
    if (message[0] === 1) heard += message.length - 1;
  });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  const chunk = Buffer.alloc(65_537);
  for (let left = input; left > 0; left -= chunk.length - 1) {
    await new Promise<void>((resolve) => socket.send(chunk, {}, () => resolve()));
  }
  if (input > 0) socket.send(Buffer.from([255, 0]), {});
  await closed;
  return heard;
}

async function readLog({ host, port, ca, token }: Target): Promise<number> {
  const asked = request({
    host,
    port,
    ca,
    path: `${PODS}/box/log`,
    headers: { authorization: `Bearer ${token}` },
  }).end();
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  return length;
}

/** Processor time of the lab's API server and node so far, ms. */
async function cpuOf(directory: string): Promise<number> {
  const status = await check([process.execPath, VITRINE, 'lab', 'status', '--dir', directory]);
  const pids = [...status.matchAll(/^(?:apiserver|egress|node-1) +(\d+) +\d+ MiB/gm)].map(([, pid]) => pid);
  const times = pids.map(async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  });
  return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
}

/** A row of MiB/s and of processor time per MiB; `work` resolves with the bytes that passed. */
async function stream(what: string, directory: string, work: () => Promise<number>): Promise<Row> {
  const [before, begun] = [await cpuOf(directory), performance.now()];
  const mib = (await work()) / MIB;
  const seconds = (performance.now() - begun) / 1000;
  const cpu = (await cpuOf(directory)) - before;
  const perSecond = mib / seconds;
  const measured = `${perSecond.toFixed(0)} MiB/s · ${(cpu / mib).toFixed(1)} ms of processor per MiB`;
  return { what, measured, target: '≥ 50 MiB/s', met: perSecond >= 50 };
}

async function measure(directory: string, lab: ChildProcess, signal: AbortSignal): Promise<Row[]> {
  const kubeconfig = join(directory, 'kubeconfig');
  await appears(kubeconfig, lab);
  const target = await targetOf(kubeconfig);
  const wire = await connect('http/1.1', target);
  await makePod(wire);
  wire.close();
  while ((await readLog(target)) < 4 * MIB) await setTimeout(100);
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const begun = performance.now();
    await exec(target, ['true']);
    rounds.push(performance.now() - begun);
  }
  const pipe = await runJob<PipeJob, PipeAnswer>('tls-pipe', { bytes: STREAM }, signal);
  const bare = `${(STREAM / MIB / pipe.seconds).toFixed(0)} MiB/s · ${(pipe.cpuMs / (STREAM / MIB)).toFixed(1)} ms of processor per MiB`;
  const met = percentile(rounds, 0.5) <= 50;
  const logs = async (): Promise<number> => {
    let length = 0;
    while (length < STREAM / 2) length += await readLog(target);
    return length;
  };
  return [
    { what: 'exec: a command that does nothing', measured: spread(rounds), target: 'p50 ≤ 50 ms', met },
    { what: 'a bare TLS pipe in Node.js', measured: bare },
    await stream('exec: standard output', directory, () => exec(target, ['head', '-c', `${STREAM}`, '/dev/zero'])),
    await stream('exec: standard input', directory, async () => {
      await exec(target, ['sh', '-c', 'cat > /dev/null'], STREAM);
      return STREAM;
    }),
    await stream('logs', directory, logs),
  ];
}

export const streams: Bench = {
  name: 'streams',
  async run({ scratch, signal }: Context) {
    const argv = [VITRINE, 'lab', 'up', `--dir=${scratch}`, '--nodes=1'];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      return await measure(scratch, child, signal);
    } finally {
      await end(child);
    }
  },
};
