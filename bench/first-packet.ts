// What a Service adds to a connection between two pods of a node, in namespaces of their own (bench/proxy.ts makes them): straight and
// through one of many Services by turns, so that both meet the same noise.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { check } from '../host/exec.ts';
import { addNetns, inNetns, netnsPath } from '../host/netns.ts';
import { NftablesBackend } from '../proxy/nftables/backend.ts';
import { NODE, servicePort } from '../proxy/plan.stand-ins.ts';
import type { Plan } from '../proxy/plan.ts';
import { doJob } from './child.ts';
import { percentile } from './table.ts';

export interface FirstPacketJob {
  readonly services: number;
  /** Of each service. */
  readonly endpoints: number;
  /** Of each kind. */
  readonly connections: number;
}

/** Medians, µs from SYN to SYN-ACK. */
export interface FirstPacketResult {
  readonly direct: number;
  readonly throughService: number;
}

const [CLIENT_POD, SERVER_POD] = ['client', 'server'];
const PORT = 8080;
/** The server's n-th address. */
const podIP = (n: number): string => `10.244.2.${n + 1}`;

/** Perl, whose own part of a connection is small. Arguments: port, cluster IP, number of connections, addresses of the server. */
const CONNECTOR = String.raw`
use strict; use Socket qw(:DEFAULT SO_LINGER); use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
my ($port, $service, $count, @direct) = @ARGV;
my $through = pack_sockaddr_in(80, inet_aton($service));
my @straight = map { pack_sockaddr_in($port, inet_aton($_)) } @direct;
sub connection {
  my ($to) = @_;
  socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
  setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; # ended by a reset, no connection lingers
  my $begin = clock_gettime(CLOCK_MONOTONIC);
  connect $s, $to or die "connect: $!\n";
  return 1e6 * (clock_gettime(CLOCK_MONOTONIC) - $begin);
}
connection($_) for $through, @straight;
my (@direct_times, @service_times);
for my $n (1 .. $count) {
  push @direct_times, connection($straight[$n % @straight]);
  push @service_times, connection($through);
}
$_ = join ',', map { sprintf '%.1f', $_ } @$_ for my @lists = (\@direct_times, \@service_times);
print qq({"direct":[$lists[0]],"throughService":[$lists[1]]});
`;

/** Takes connections and lets them go. */
const TAKER = String.raw`
use strict; use Socket;
socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
bind $s, pack_sockaddr_in($ARGV[0], INADDR_ANY) or die "bind: $!\n";
listen $s, 4096 or die "listen: $!\n"; syswrite STDOUT, "ready\n";
while (1) { accept my $one, $s }
`;

function planOf({ services, endpoints }: FirstPacketJob): Plan {
  const clusterEndpoints = Array.from({ length: endpoints }, (_, n) => ({ ip: podIP(n), port: PORT, isLocal: false }));
  const ports = Array.from({ length: services }, (_, n) =>
    servicePort(`service-${n}`, { clusterIP: `10.96.${(n >> 8) & 255}.${n & 255}`, clusterEndpoints }),
  );
  return { family: 'IPv4', node: NODE, services: new Map(ports.map((port) => [port.id, port])) };
}

/** A pod at the other end of `link`, whose default route is the node. */
async function addPod(name: string, link: string, node: string, addresses: readonly string[]): Promise<void> {
  await addNetns(name);
  const batch = (lines: readonly string[]) => ({ input: `${lines.join('\n')}\n` });
  const ours = [`link add ${link} type veth peer name eth0 netns ${name}`, `address add ${node}/24 dev ${link}`];
  await check(['ip', '-batch', '-'], batch([...ours, `link set ${link} up`]));
  const its = addresses.map((ip) => `address add ${ip}/24 dev eth0`);
  const inside = [...its, 'link set eth0 up', `route add default via ${node}`];
  await check(['ip', '-netns', name, '-batch', '-'], batch(inside));
}

await doJob(async (job: FirstPacketJob): Promise<FirstPacketResult> => {
  const pods = Array.from({ length: job.endpoints }, (_, n) => podIP(n));
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await addPod(CLIENT_POD, 'pod1', '10.244.1.254', ['10.244.1.1']);
  await addPod(SERVER_POD, 'pod2', '10.244.2.254', pods);
  const [command, ...words] = inNetns(netnsPath(SERVER_POD), ['perl', '-e', TAKER, String(PORT)]);
  const server = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  const plan = planOf(job);
  await new NftablesBackend().sync(plan);
  const { clusterIP } = plan.services.get(`default/service-${job.services >> 1}:http`)!;
  const argv = ['perl', '-e', CONNECTOR, String(PORT), clusterIP, String(job.connections), ...pods];
  const said = await check(inNetns(netnsPath(CLIENT_POD), argv), { timeoutMs: 120_000 });
  server.kill();
  const times = JSON.parse(said) as Readonly<Record<keyof FirstPacketResult, number[]>>;
  return { direct: percentile(times.direct, 0.5), throughService: percentile(times.throughService, 0.5) };
});
