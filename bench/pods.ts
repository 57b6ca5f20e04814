// A lab as its pods see it: how soon DNS answers them, and what a Service costs a connection to a pod on another node.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { check } from '../host/exec.ts';
import { appears, end, targetOf, VITRINE } from './server.ts';
import { type Bench, type Context, ms, percentile, type Row } from './table.ts';
import { connect, type Request, type Wire } from './wire.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const NODES = ['node-1', 'node-2'];
const SERVICE_IP = '10.96.102.1';
const ROUNDS = 12;
const CONNECTIONS = 500;

const now = (): number => performance.timeOrigin + performance.now();

/**
 * Runs in a pod, in Perl, so that little is measured besides the kernel: connects to each place in turn, so many times, and prints
 * the ms that each round took. $1: rounds; $2: connections a round; then ADDRESS:PORT…
 */
const CONNECTOR = String.raw`
use strict;
use Socket qw(:DEFAULT SO_LINGER);
use Time::HiRes qw(time);
my ($rounds, $count, @places) = @ARGV;
for (1 .. $rounds) {
  my @took;
  for (@places) {
    my ($ip, $port) = split /:/;
    my $to = pack_sockaddr_in($port, inet_aton($ip));
    my $began = time;
    for (1 .. $count) {
      socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
      setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
      connect $socket, $to or die "$_: $!\n";
    }
    push @took, 1000 * (time - $began);
  }
  print "@took\n";
}
`;

interface Pod {
  readonly metadata: { name: string };
  readonly status: { podIP?: string; conditions?: { type: string; status: string }[] };
}

function pod(node: string): object {
  const containers = [{ name: 'echo', image: 'echo', ports: [{ containerPort: 8080 }] }];
  const metadata = { name: `on-${node}`, labels: { app: node } };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeName: node, containers } };
}

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'far' },
  spec: { clusterIP: SERVICE_IP, selector: { app: NODES[1] }, ports: [{ port: 80, targetPort: 8080 }] },
};

async function post(wire: Wire, plural: string, object: object): Promise<void> {
  const body = JSON.stringify(object);
  await wire.send({ method: 'POST', path: `${NAMESPACE}/${plural}`, contentType: 'application/json', body });
}

/** A controller makes the ServiceAccount that pods need. */
async function podsMayBe(wire: Wire, signal: AbortSignal): Promise<void> {
  const asked: Request = { method: 'GET', path: `${NAMESPACE}/serviceaccounts/default` };
  const isThere = (): Promise<boolean> =>
    wire.send(asked).then(
      () => true,
      (error: Error) => {
        if (!error.message.startsWith('404')) throw error;
        return false;
      },
    );
  while (!(await isThere())) await setTimeout(10, undefined, { signal });
}

/** The pods' addresses in their order, when all run. */
async function podIPs(wire: Wire, signal: AbortSignal): Promise<string[]> {
  for (;;) {
    const { items } = JSON.parse(await wire.send({ method: 'GET', path: `${NAMESPACE}/pods` })) as { items: Pod[] };
    const ready = items.filter(({ status }) =>
      status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
    if (ready.length === NODES.length) return ready.map(({ status }) => status.podIP!);
    await setTimeout(10, undefined, { signal });
  }
}

/** Asks for a name until it is resolved, through the pod's own resolv.conf, and prints when that was, ms since the epoch. */
const RESOLVER = String.raw`
use strict;
use Socket;
use Time::HiRes qw(sleep time);
my $found;
until ($found = gethostbyname $ARGV[0]) { sleep 0.01 }
printf "%s %.3f\n", inet_ntoa($found), 1000 * time;
`;

/** When a name was resolved in the pod, ms since the epoch. */
async function namesResolve(exec: (...argv: string[]) => string[]): Promise<number> {
  const said = await check(exec('perl', '-e', RESOLVER, 'kubernetes.default'), { timeoutMs: 30_000 });
  const [address, at] = said.trim().split(' ');
  if (address !== '10.96.0.1') throw new Error(`kubernetes.default is ${address}`);
  return Number(at);
}

async function costOfService(exec: (...argv: string[]) => string[], target: string): Promise<Row> {
  const places = [`${target}:8080`, `${SERVICE_IP}:80`];
  const argv = exec('perl', '-e', CONNECTOR, String(ROUNDS), String(CONNECTIONS), ...places);
  const rounds = (await check(argv, { timeoutMs: 60_000 })).trim().split('\n');
  const took = rounds.map((line) => line.split(' ').map((text) => Number(text) / CONNECTIONS));
  const [direct, through] = [0, 1].map((at) =>
    percentile(
      took.map((round) => round[at]),
      0.5,
    ),
  );
  const more = 100 * (through / direct - 1);
  return {
    what: 'connection pod → Service → pod on another node, beside pod → pod',
    measured: `${(1000 * through).toFixed(0)} µs beside ${(1000 * direct).toFixed(0)} µs: ${more.toFixed(0)} % more`,
    target: '≤ 10 % more',
    met: more <= 10,
  };
}

async function measure(directory: string, lab: ChildProcess, began: number, signal: AbortSignal): Promise<Row[]> {
  const kubeconfig = join(directory, 'kubeconfig');
  await appears(kubeconfig, lab);
  const wire = await connect('http/1.1', await targetOf(kubeconfig));
  try {
    await podsMayBe(wire, signal);
    for (const node of NODES) await post(wire, 'pods', pod(node));
    await post(wire, 'services', service);
    const [, target] = await podIPs(wire, signal);
    const exec = (...argv: string[]): string[] => {
      return [process.execPath, VITRINE, 'exec', `--dir=${directory}`, `pod/on-${NODES[0]}`, '--', ...argv];
    };
    const answered = (await namesResolve(exec)) - began;
    return [
      { what: 'lab up → DNS answers in a pod', measured: ms(answered), target: '≤ 3 s', met: answered <= 3000 },
      await costOfService(exec, target),
    ];
  } finally {
    wire.close();
  }
}

export const pods: Bench = {
  name: 'pods',
  async run({ scratch, signal }: Context) {
    const argv = [VITRINE, 'lab', 'up', `--dir=${scratch}`, `--nodes=${NODES.length}`];
    const began = now();
    const lab = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      return await measure(scratch, lab, began, signal);
    } finally {
      await end(lab);
    }
  },
};
