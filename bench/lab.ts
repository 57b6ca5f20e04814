// The whole lab, timed from outside: up → first answer, Service created → its rules in the kernel of every node, proved by a
// connection from each, process of a pod killed → no node sends to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { check } from '../host/exec.ts';
import { PROBER } from './prober.ts';
import { appears, end, targetOf, VITRINE } from './server.ts';
import { type Bench, type Context, ms, percentile, type Row, spread } from './table.ts';
import { connect, type Request, type Wire } from './wire.ts';

const NODES = ['node-1', 'node-2', 'node-3'];
const SERVICES = 100;
const KILLS = 20;
/** ms between two Services: each is timed alone, not with what the one before it left to do. */
const PAUSE_MS = 50;
const NAMESPACE = '/api/v1/namespaces/default';
const JSON_TYPE = 'application/json';
const SELECTOR = { app: 'backend' };

const now = (): number => performance.timeOrigin + performance.now();

/** A prober at a place of the lab, taking one order at a time. */
class Prober {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(directory: string, node: string) {
    const argv = [VITRINE, 'exec', '--dir', directory, node, '--', 'perl', '-e', PROBER];
    this.#child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Tries again while the lab is still coming up and has no such place yet. */
  static async start(directory: string, node: string, signal: AbortSignal): Promise<Prober> {
    for (;;) {
      signal.throwIfAborted();
      const prober = new Prober(directory, node);
      const started = await prober.#answer().catch(() => undefined);
      if (started !== undefined) return prober;
    }
  }

  async #answer(): Promise<number> {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('a prober ended');
    return Number(value);
  }

  order(words: string): Promise<number> {
    this.#child.stdin!.write(`${words}\n`);
    return this.#answer();
  }

  end(): Promise<void> {
    return end(this.#child);
  }
}

function deployment(): Request {
  // Without the probe a container that is started again counts as ready before it listens, and is sent to for good reason.
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  const containers = [{ name: 'echo', image: 'echo', ports: [{ containerPort: 8080 }], readinessProbe }];
  const template = { metadata: { labels: SELECTOR }, spec: { containers } };
  const spec = { replicas: NODES.length, selector: { matchLabels: SELECTOR }, template };
  const body = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'backend' }, spec });
  return { method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments', contentType: JSON_TYPE, body };
}

function service(name: string, clusterIP: string): Request {
  const spec = { clusterIP, selector: SELECTOR, ports: [{ port: 80, targetPort: 8080 }] };
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
  return { method: 'POST', path: `${NAMESPACE}/services`, contentType: JSON_TYPE, body };
}

interface Pod {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string }[] };
}

/** Waits until as many pods as there should be are Ready; returns their names. */
async function readyPods(wire: Wire): Promise<string[]> {
  for (;;) {
    const { items } = JSON.parse(await wire.send({ method: 'GET', path: `${NAMESPACE}/pods` })) as { items: Pod[] };
    const isReady = ({ status }: Pod): boolean =>
      status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    const names = items.filter(isReady).map((pod) => pod.metadata.name);
    if (names.length >= NODES.length) return names;
    await setTimeout(20);
  }
}

async function serviceLatencies(wire: Wire, probers: readonly Prober[]): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 1; i <= SERVICES; i += 1) {
    const ip = `10.96.101.${i}`;
    await setTimeout(PAUSE_MS);
    await wire.send(service(`live-${i}`, ip));
    const created = now();
    const served = await Promise.all(probers.map((prober) => prober.order(`until ${ip} 80`)));
    latencies.push(Math.max(...served) - created);
  }
  return latencies;
}

/** Kills what listens in the pod; says when, ms since the epoch. */
async function kill(directory: string, pod: string): Promise<number> {
  const script = `pid=$(ss -ltnpH sport = :8080 | sed 's/.*pid=\\([0-9]*\\).*/\\1/') && date +%s%N && kill -9 "$pid"`;
  const argv = [process.execPath, VITRINE, 'exec', '--dir', directory, `pod/${pod}`, '--', 'sh', '-c', script];
  return Number(await check(argv)) / 1e6;
}

/** Per kill, ms until the last request was sent that a node sent to the dead pod. */
async function killLatencies(wire: Wire, probers: readonly Prober[], directory: string, ip: string): Promise<number[]> {
  const latencies: number[] = [];
  for (let i = 0; i < KILLS; i += 1) {
    const pods = await readyPods(wire);
    await Promise.all(probers.map((prober) => prober.order(`watch ${ip} 80`)));
    const pod = pods[i % pods.length];
    const killed = await kill(directory, pod);
    await setTimeout(1000);
    const failures = await Promise.all(probers.map((prober) => prober.order('stop')));
    latencies.push(Math.max(0, Math.max(...failures) - killed));
    // A new pod takes its place: one that is killed again and again would be kept waiting before it is restarted.
    await wire.send({ method: 'DELETE', path: `${NAMESPACE}/pods/${pod}?gracePeriodSeconds=0` });
  }
  return latencies;
}

function rowOf(what: string, samples: readonly number[], p50: number, p99: number): Row {
  const met = percentile(samples, 0.5) <= p50 && percentile(samples, 0.99) <= p99;
  return { what, measured: spread(samples), target: `p50 ≤ ${p50} ms, p99 ≤ ${p99} ms`, met };
}

interface Run {
  readonly directory: string;
  readonly mode: string;
  readonly lab: ChildProcess;
  /** When the lab was started, ms since the epoch. */
  readonly began: number;
  readonly signal: AbortSignal;
}

async function measure({ directory, mode, lab, began, signal }: Run): Promise<Row[]> {
  const kubeconfig = join(directory, 'kubeconfig');
  await appears(kubeconfig, lab);
  const wire = await connect('http/1.1', await targetOf(kubeconfig));
  const ip = '10.96.100.100';
  await wire.send(deployment());
  await wire.send(service('backend', ip));
  const probers = await Promise.all(NODES.map((node) => Prober.start(directory, node, signal)));
  try {
    const answered = await Promise.all(probers.map((prober) => prober.order(`until ${ip} 80`)));
    const first = Math.min(...answered) - began;
    await readyPods(wire);
    // Kills come first: later the pods are in a hundred Services, and a death is a hundred slices' worth of news.
    const killed = await killLatencies(wire, probers, directory, ip);
    await readyPods(wire);
    const created = await serviceLatencies(wire, probers);
    return [
      { what: `lab up → first answer, ${mode}`, measured: ms(first), target: '≤ 3 s', met: first <= 3000 },
      rowOf(`Service created → rules live on every node, ${mode}`, created, 15, 40),
      rowOf(`pod killed → no node sends to it, ${mode}`, killed, 60, 350),
    ];
  } finally {
    wire.close();
    await Promise.all(probers.map((prober) => prober.end()));
  }
}

export const lab: Bench = {
  name: 'lab',
  async run({ scratch, signal }: Context) {
    const rows: Row[] = [];
    for (const mode of ['iptables', 'nftables']) {
      const directory = join(scratch, mode);
      await mkdir(directory);
      const began = now();
      const argv = [VITRINE, 'lab', 'up', `--dir=${directory}`, `--nodes=${NODES.length}`, `--proxy-mode=${mode}`];
      const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
      try {
        rows.push(...(await measure({ directory, mode, lab: child, began, signal })));
      } finally {
        await end(child);
      }
    }
    return rows;
  },
};
