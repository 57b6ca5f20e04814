// Nine pods on one node, each in a network namespace, and the node's rules for a sequence of policies, each reached from the last;
// answers with who reached whom.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Namespace, Pod } from '../../api/types/core.v1.ts';
import type { NetworkPolicy } from '../../api/types/networking.v1.ts';
import { check } from '../../host/exec.ts';
import { applyLinks, type LinkChange, setSysctls } from '../../host/links.ts';
import { addNetns, inNetns, netnsPath } from '../../host/netns.ts';
import { Nft } from '../../host/nft.ts';
import { NO_POLICIES, planPolicies } from '../../node/network-policy/plan.ts';
import { changesOf, wholeTable } from '../../node/network-policy/rules.ts';
import { answer } from '../network.ts';

export interface Input {
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  /** In force one set after the other. */
  readonly steps: readonly (readonly NetworkPolicy[])[];
  readonly ports: readonly number[];
}

/** Serves every port by TCP and UDP until it is killed; says so first. */
const SERVER = `
use Socket; $| = 1; my (%tcp, %udp); my $reading = '';
for my $port (@ARGV) {
  socket my $t, PF_INET, SOCK_STREAM, 0; setsockopt $t, SOL_SOCKET, SO_REUSEADDR, 1;
  bind $t, sockaddr_in($port, INADDR_ANY) or die; listen $t, 64; $tcp{fileno $t} = $t;
  socket my $u, PF_INET, SOCK_DGRAM, 0; bind $u, sockaddr_in($port, INADDR_ANY) or die; $udp{fileno $u} = $u;
  vec($reading, fileno $_, 1) = 1 for $t, $u;
}
print "ready\\n";
while (1) {
  select my $ready = $reading, undef, undef, undef;
  for (keys %tcp) { next unless vec $ready, $_, 1; accept my $peer, $tcp{$_}; close $peer }
  for (keys %udp) { next unless vec $ready, $_, 1; my $peer = recv $udp{$_}, my $text, 64, 0; send $udp{$_}, $text, 0, $peer }
}`;

/** Asks all of \`tcp/IP/PORT\` at once; prints 1 or 0 for each. */
const PROBER = `
use Socket; use Fcntl; my (@open, %got);
for my $i (0 .. $#ARGV) {
  my ($protocol, $ip, $port) = split '/', $ARGV[$i];
  socket my $s, PF_INET, $protocol eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0; fcntl $s, F_SETFL, O_NONBLOCK;
  connect $s, sockaddr_in($port, inet_aton($ip)); send $s, 'x', 0 if $protocol eq 'udp';
  push @open, { s => $s, i => $i, tcp => $protocol eq 'tcp' };
}
for (1 .. 12) {
  my ($reading, $writing) = ('', '');
  for (@open) { next if $got{$_->{i}}; vec($_->{tcp} ? $writing : $reading, fileno $_->{s}, 1) = 1 }
  last unless grep { !$got{$_->{i}} } @open;
  select $reading, $writing, undef, 0.02;
  for (@open) { $got{$_->{i}} = 1 if vec $_->{tcp} ? $writing : $reading, fileno $_->{s}, 1 }
}
print join('', map { $got{$_} ? 1 : 0 } 0 .. $#ARGV), "\\n";`;

await answer(async ({ namespaces, pods, steps, ports }: Input) => {
  const addresses = pods.map(({ status }) => status!.podIPs![0].ip!);
  await buildNetwork(addresses);
  const servers = addresses.map((_, i) =>
    spawn('nsenter', [...inNetns(netnsPath(`p${i}`), []).slice(1), 'perl', '-e', SERVER, ...ports.map(String)]),
  );
  await Promise.all(servers.map(({ stdout }) => once(stdout, 'data')));
  const targets = addresses.flatMap((ip) => ports.flatMap((port) => [`tcp/${ip}/${port}`, `udp/${ip}/${port}`]));
  const probeAll = (): Promise<string[]> =>
    Promise.all(addresses.map((_, i) => check(inNetns(netnsPath(`p${i}`), ['perl', '-e', PROBER, ...targets]))));
  const nft = new Nft();
  let held = NO_POLICIES;
  const seen: string[][] = [];
  for (const [i, policies] of steps.entries()) {
    const plan = planPolicies({ nodeName: 'node-1', policies, namespaces, pods }, 'IPv4');
    const tx = i === 0 ? wholeTable(plan, 'IPv4') : changesOf(held, plan, 'IPv4');
    for (const text of tx.render()) await nft.apply(text);
    held = plan;
    await check(['conntrack', '-F']); // a source port used again would be an old flow's, which may go on
    seen.push((await probeAll()).map((line) => line.trim()));
  }
  await nft.close();
  for (const server of servers) server.kill('SIGKILL');
  return { targets, seen };
});

async function buildNetwork(addresses: readonly string[]): Promise<void> {
  await addNetns(addresses.map((_, i) => `p${i}`));
  await setSysctls({ 'net/ipv4/ip_forward': 1 }, '/proc/self/ns/net');
  const node = addresses.flatMap((address, i): LinkChange[] => [
    { op: 'add-veth', name: `v${i}`, peer: 'eth0', peerNetns: `p${i}` },
    { op: 'add-address', name: `v${i}`, address: '10.244.1.1/32' },
    { op: 'up', name: `v${i}` },
    { op: 'add-route', to: `${address}/32`, dev: `v${i}` },
  ]);
  await applyLinks(node);
  for (const [i, address] of addresses.entries()) {
    const links: LinkChange[] = [
      { op: 'up', name: 'lo' },
      { op: 'add-address', name: 'eth0', address: `${address}/32` },
      { op: 'up', name: 'eth0' },
      { op: 'add-route', to: '10.244.1.1/32', dev: 'eth0' },
      { op: 'add-route', to: 'default', via: '10.244.1.1' },
    ];
    await applyLinks(links, { netns: netnsPath(`p${i}`) });
  }
}
