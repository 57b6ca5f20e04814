// A small world of network namespaces: two nodes with a bridge and pods each, and a client outside, on one wire. Lives inside
// the namespace of the script that builds it, and goes with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { check, type Exec } from '../../host/exec.ts';
import { addNetns, inNetns, netnsPath } from '../../host/netns.ts';
import { shell } from '../network.ts';

export const NODES = {
  'node-1': { ip: '192.168.1.10', subnet: '10.244.1' },
  'node-2': { ip: '192.168.1.11', subnet: '10.244.2' },
} as const;

export type NodeName = keyof typeof NODES;

export const PODS = {
  client: { node: 'node-1', ip: '10.244.1.100' },
  'pod-1': { node: 'node-1', ip: '10.244.1.11' },
  'pod-2': { node: 'node-1', ip: '10.244.1.12' },
  'pod-3': { node: 'node-2', ip: '10.244.2.13' },
} as const;

export const INTERNET = '192.168.1.200';

export type Place = NodeName | keyof typeof PODS | 'internet';

/** Answers each TCP connection, and each UDP packet, with its name and the client's address. */
const SERVER = String.raw`
use strict; use IO::Socket::INET; use IO::Select; $| = 1; my $name = shift;
my $tcp = IO::Socket::INET->new(Proto => 'tcp', LocalPort => 8080, Listen => 128, ReuseAddr => 1) or die $!;
my $udp = IO::Socket::INET->new(Proto => 'udp', LocalPort => 8080) or die $!;
my $select = IO::Select->new($tcp, $udp); print "ready\n";
while (1) { for my $socket ($select->can_read) {
  if ($socket == $tcp) { my $one = $tcp->accept or next; print $one "$name " . $one->peerhost . "\n"; close $one; next }
  my $peer = $udp->recv(my $text, 100) or next; $udp->send("$name " . $udp->peerhost . "\n", 0, $peer);
} }`;

/**
 * Asks COUNT times, without blocking in connect: a refusal by ICMP is then seen at once, as curl sees it (a blocking connect
 * takes it for passing trouble, and tries once more a second later).
 * A line per answer: the server's, or "error TEXT", and the milliseconds it took.
 */
const CLIENT = String.raw`
use strict; use IO::Socket::INET; use IO::Select; use Time::HiRes 'time'; my ($proto, $host, $port, $count, $local) = @ARGV;
for (1 .. $count) {
  my $began = time; my $answer; my %bind = $local ? (LocalPort => $local, ReuseAddr => 1) : ();
  eval {
    my $socket = IO::Socket::INET->new(Proto => $proto, PeerAddr => $host, PeerPort => $port, Blocking => 0, %bind) or die "$!\n";
    my $select = IO::Select->new($socket); $select->can_write(1) or die "timed out\n";
    if (my $error = $socket->sockopt(SO_ERROR)) { local $! = $error; die "$!\n" }
    $socket->send("hello\n") if $proto eq 'udp';
    $select->can_read(1) or die "timed out\n"; defined $socket->recv($answer, 100) or die "$!\n"; 1;
  } or $answer = "error $@";
  $answer =~ s/\s+$//; printf "%s|%d\n", $answer, 1000 * (time - $began);
}`;

export interface Answer {
  /** Who answered; '' when nobody did. */
  readonly from: string;
  /** The address the server saw. */
  readonly seen: string;
  /** Why there was no answer. */
  readonly error: string;
  readonly ms: number;
}

export class World {
  readonly #servers: ChildProcess[] = [];

  async build(): Promise<void> {
    await addNetns([...Object.keys(NODES), ...Object.keys(PODS), 'internet']);
    await shell('ip link add wire type bridge; ip link set wire up');
    await this.#plug('internet', INTERNET);
    for (const [node, { ip, subnet }] of Object.entries(NODES)) {
      await this.#plug(node as NodeName, ip);
      // The kernel limits ICMP to one per second and peer, which would hold back refusals that follow each other.
      const settings = ['ip_forward=1', 'icmp_ratelimit=0', 'conf.all.route_localnet=1'];
      await this.in(node as NodeName)(['sysctl', '-qw', ...settings.map((setting) => `net.ipv4.${setting}`)]);
      await shell(
        `ip -n ${node} link add cni0 type bridge; ip -n ${node} addr add ${subnet}.1/24 dev cni0; ip -n ${node} link set cni0 up`,
      );
    }
    for (const node of Object.keys(NODES) as NodeName[]) {
      for (const [other, { ip, subnet }] of Object.entries(NODES)) {
        if (other !== node) await shell(`ip -n ${node} route add ${subnet}.0/24 via ${ip}`);
      }
    }
    for (const [pod, { node, ip }] of Object.entries(PODS)) await this.#addPod(pod, node, ip);
    // The internet, and nodes, send service addresses somewhere: to node-1, as a router would.
    await shell(`ip -n internet route add default via ${NODES['node-1'].ip}`);
    for (const node of Object.keys(NODES)) await shell(`ip -n ${node} route add default via ${INTERNET}`);
  }

  /** Runs a program at a place. */
  in(place: Place): Exec {
    return (argv, options) => check(inNetns(netnsPath(place), argv), options);
  }

  async #plug(place: 'internet' | NodeName, ip: string): Promise<void> {
    await shell(`
      ip link add to-${place} type veth peer name eth0 netns ${place}; ip link set to-${place} master wire up
      ip -n ${place} link set lo up; ip -n ${place} addr add ${ip}/24 dev eth0; ip -n ${place} link set eth0 up`);
  }

  async #addPod(pod: string, node: NodeName, ip: string): Promise<void> {
    await shell(`
      ip -n ${node} link add v-${pod} type veth peer name eth0 netns ${pod}; ip -n ${node} link set v-${pod} master cni0 up
      ip -n ${node} link set v-${pod} type bridge_slave hairpin on
      ip -n ${pod} link set lo up; ip -n ${pod} addr add ${ip}/24 dev eth0; ip -n ${pod} link set eth0 up
      ip -n ${pod} route add default via ${NODES[node].subnet}.1`);
    if (pod === 'client') return;
    const argv = inNetns(netnsPath(pod), ['perl', '-e', SERVER, pod]);
    const server = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#servers.push(server);
    await once(server.stdout!, 'data');
  }

  async ask(place: Place, protocol: 'tcp' | 'udp', to: string, times = 1, localPort = 0): Promise<Answer[]> {
    const [host, port] = to.split(':');
    const words = [
      'perl',
      '-e',
      CLIENT,
      protocol,
      host,
      port,
      String(times),
      ...(localPort ? [String(localPort)] : []),
    ];
    const said = await this.in(place)(words, { timeoutMs: 60_000 });
    return said
      .trim()
      .split('\n')
      .map((line) => {
        const [text, ms] = line.split('|');
        const [from, seen] = text.split(' ');
        const isError = from === 'error' || text === '';
        return { from: isError ? '' : from, seen: isError ? '' : seen, error: isError ? text : '', ms: Number(ms) };
      });
  }

  stop(): void {
    for (const server of this.#servers) server.kill('SIGKILL');
  }
}
