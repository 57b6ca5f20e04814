// Servers and clients in all places of the topology at once: one Perl process each (perl-base only), whose sockets are born in the
// network namespace they belong to. A server answers with its name and the client's address; a client says who answered,
// or why nobody did, and how long it took.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { netnsPath } from '../../host/netns.ts';

export type Transport = 'tcp' | 'udp' | 'sctp';

/** setns(2), by process.arch (Linux: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
const SETNS: Readonly<Record<string, number>> = { x64: 308, arm64: 268 };

/** What every Perl program here begins with: its first argument is the number of setns(2). */
export const COMMON = String.raw`
use strict; use Socket qw(:DEFAULT inet_ntop inet_pton pack_sockaddr_in6 unpack_sockaddr_in6 IPPROTO_IPV6 IPV6_V6ONLY);
$| = 1; $SIG{PIPE} = 'IGNORE';
my $SETNS = shift; my %netns;
sub enter {
  my ($path) = @_;
  unless ($netns{$path}) { open $netns{$path}, '<', $path or die "$path: $!\n" }
  syscall($SETNS, fileno $netns{$path}, 0x40000000) == 0 or die "setns $path: $!\n";
}
sub never_wait { fcntl $_[0], 4, 04000 }
# SCTP by raw sockets, since kernels without the protocol still translate its addresses: CRC-32C over the packet (RFC 9260, 6.8).
my @crc = map { my $c = $_; for (1 .. 8) { $c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 } $c } 0 .. 255;
sub sctp {
  my ($from, $to, $tag, $chunk) = @_;
  my $packet = pack('nnNN', $from, $to, $tag, 0) . $chunk;
  my $crc = 0xffffffff;
  $crc = ($crc >> 8) ^ $crc[($crc ^ $_) & 255] for unpack 'C*', $packet;
  substr($packet, 8, 4) = pack 'V', $crc ^ 0xffffffff;
  return $packet;
}
# INIT (1) or INIT ACK (2) with an own tag and one parameter that holds text (unknown to everyone: type 0x8000 is skipped).
sub init_chunk {
  my ($type, $tag, $text) = @_;
  my $padded = $text . "\0" x (-length($text) % 4);
  my $body = pack('NNnnN', $tag, 65536, 1, 1, 1) . pack('nn', 0x8001, 4 + length $text) . $padded;
  return pack('CCn', $type, 0, 20 + 4 + length $text) . substr $body, 0, 16 + 4 + length $padded;
}
sub text_of { my ($chunk) = @_; my $length = unpack 'x22 n', $chunk; return substr $chunk, 24, $length - 4 }
`;

/** Arguments: the number of setns, then `NAME=NETNS` for each server. All serve TCP and UDP on the ports, and SCTP on the first. */
const SERVERS = String.raw`${COMMON}
my @ports = (8080, 8081); my (%tcp, %udp, %sctp, %socket);
sub peer_of {
  my ($port, $ip) = unpack_sockaddr_in6($_[0]);
  my $text = inet_ntop(AF_INET6, $ip); $text =~ s/^::ffff:(?=\d+\.)//;
  return "$text $port";
}
for (@ARGV) {
  my ($name, $path) = split /=/; enter($path);
  for my $port (@ports) {
    for my $type (SOCK_STREAM, SOCK_DGRAM) {
      socket my $s, PF_INET6, $type, 0 or die "socket: $!\n";
      setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1; setsockopt $s, IPPROTO_IPV6, IPV6_V6ONLY, 0;
      bind $s, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::')) or die "bind $name $port: $!\n";
      if ($type == SOCK_STREAM) { listen $s, 1024 or die "listen: $!\n"; $tcp{fileno $s} = $name } else { $udp{fileno $s} = $name }
      never_wait($s); $socket{fileno $s} = $s;
    }
  }
  for my $family (PF_INET, PF_INET6) {
    socket my $s, $family, SOCK_RAW, 132 or die "raw socket: $!\n";
    never_wait($s); $sctp{fileno $s} = [$name, $family]; $socket{fileno $s} = $s;
  }
}
print "ready\n";
while (1) {
  my $ready = ''; vec($ready, $_, 1) = 1 for keys %socket; vec($ready, 0, 1) = 1;
  select $ready, undef, undef, undef;
  exit 0 if vec $ready, 0, 1;
  for my $fd (grep { vec $ready, $_, 1 } keys %socket) {
    my $s = $socket{$fd};
    if ($tcp{$fd}) { while (my $peer = accept my $one, $s) { syswrite $one, "$tcp{$fd} " . peer_of($peer) . "\n"; close $one } }
    elsif ($udp{$fd}) { while (defined(my $peer = recv $s, my $text, 1500, 0)) { last if $peer eq ''; send $s, "$udp{$fd} " . peer_of($peer) . "\n", 0, $peer } }
    else { answer_sctp($s, @{$sctp{$fd}}) }
  }
}
sub answer_sctp {
  my ($s, $name, $family) = @_;
  while (defined(my $peer = recv $s, my $packet, 1500, 0)) {
    last if $peer eq '';
    $packet = substr $packet, 4 * (ord($packet) & 15) if $family == PF_INET;
    my ($from, $to) = unpack 'nn', $packet; my $chunk = substr $packet, 12;
    next unless $to == 8080 && ord($chunk) == 1;
    my $ip = $family == PF_INET ? inet_ntoa((unpack_sockaddr_in($peer))[1]) : inet_ntop(AF_INET6, (unpack_sockaddr_in6($peer))[1]);
    send $s, sctp($to, $from, unpack('x4 N', $chunk), init_chunk(2, 77, "$name $ip $from")), 0, $peer;
  }
}`;

/**
 * Reads lines `ID NETNS PROTOCOL HOST PORT TIMES DISTINCT LOCALPORT TIMEOUT EVERY` (tabs between; milliseconds) and `stop ID`. Attempts of
 * one ID follow each other: TIMES of them (0: until stopped), and then on until DISTINCT names have answered or
 * five times as many were made, EVERY ms between their beginnings; the second that times out is the last. A line per attempt: `ID TEXT MS RETRANSMITS`; `ID end` after the last.
 */
const CLIENTS = String.raw`${COMMON}
use Time::HiRes 'time'; my ($EAGAIN, $EINPROGRESS, $MOST) = (11, 115, 400);
my ($input, $swept, %row, @waiting, %active, %later) = ('', 0);
sub finish {
  my ($try, $text) = @_; my $row = $try->{row};
  delete $active{fileno $try->{socket}} if $try->{socket};
  my $info = $row->{protocol} eq 'tcp' && $try->{socket} ? getsockopt $try->{socket}, 6, 11 : '';
  my $again = length $info >= 104 ? unpack 'x100 L', $info : 0;
  close $try->{socket} if $try->{socket};
  $text =~ s/\s+$//; printf "%s\t%s\t%d\t%d\n", $row->{id}, $text, 1000 * (time - $try->{began}), $again;
  $row->{done}++; $row->{names}{(split / /, $text)[0]} = 1 unless $text =~ /^error/;
  my $found = keys %{$row->{names}};
  $row->{lost}++ if $text eq 'error timed out';
  my $is_last = $row->{times} && $row->{lost} > 1 || $row->{times} && $row->{done} >= $row->{times} && ($found >= $row->{distinct} || $row->{done} >= 5 * $row->{times});
  if ($is_last || $row->{stopped}) { print "$row->{id}\tend\n"; delete $row{$row->{id}}; delete $later{$row->{id}}; return }
  if ($row->{every}) { $later{$row->{id}} = $try->{began} + $row->{every} } else { push @waiting, $row }
}
sub address { my ($host, $port) = @_; return $host =~ /:/ ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) : pack_sockaddr_in($port, inet_aton($host)) }
sub begin {
  my ($row) = @_; my $try = { row => $row, began => time, deadline => time + $row->{timeout} };
  my $family = $row->{host} =~ /:/ ? PF_INET6 : PF_INET; my $is_sctp = $row->{protocol} eq 'sctp';
  enter($row->{netns});
  socket my $s, $family, $is_sctp ? SOCK_RAW : $row->{protocol} eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, $is_sctp ? 132 : 0 or die "socket: $!\n";
  never_wait($s); $try->{socket} = $s;
  if ($row->{local} && !$is_sctp) {
    setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
    bind $s, address($family == PF_INET ? '0.0.0.0' : '::', $row->{local}) or return finish($try, "error bind: $!");
  }
  connect $s, address($row->{host}, $is_sctp ? 0 : $row->{port}) or $! == $EINPROGRESS or return finish($try, "error $!");
  # A refusal that came while connect still ran is kept as a "soft" error, which only this tells before the next packet is sent.
  if (my $soft = unpack 'i', getsockopt $s, SOL_SOCKET, SO_ERROR) { $! = $soft; return finish($try, "error $!") }
  $active{fileno $s} = $try;
  if ($is_sctp) { $try->{from} = 20000 + int rand 20000; defined send $s, sctp($try->{from}, $row->{port}, 0, init_chunk(1, 99, 'hello')), 0 or finish($try, "error $!") }
  elsif ($row->{protocol} eq 'udp') { defined send $s, "hello\n", 0 or finish($try, "error $!") }
}
sub take {
  my ($line) = @_; my @words = split /\t/, $line;
  if ($words[0] eq 'stop') {
    my $id = $words[1];
    if (delete $later{$id}) { delete $row{$id}; print "$id\tend\n" } else { $row{$id}{stopped} = 1 }
    return;
  }
  my %new; @new{qw(id netns protocol host port times distinct local timeout every)} = @words;
  $new{$_} /= 1000 for qw(timeout every);
  $row{$new{id}} = \%new; push @waiting, \%new;
}
# IPv6 keeps a soft error to itself: nobody is woken by it.
sub sweep {
  $swept = time;
  for my $try (grep { $_->{row}{protocol} eq 'tcp' } values %active) {
    if (my $soft = unpack 'i', getsockopt $try->{socket}, SOL_SOCKET, SO_ERROR) { $! = $soft; finish($try, "error $!") }
  }
}
while (1) {
  for my $id (grep { $later{$_} <= time } keys %later) { delete $later{$id}; push @waiting, $row{$id} if $row{$id} }
  begin(shift @waiting) while @waiting && keys %active < $MOST;
  my $ready = ''; vec($ready, $_, 1) = 1 for 0, keys %active;
  my ($next) = sort { $a <=> $b } map({ $_->{deadline} } values %active), values %later;
  my $wait = !defined $next ? undef : $next > time ? $next - time : 0;
  $wait = 0.02 if %active && $wait > 0.02;
  select $ready, undef, undef, $wait;
  sweep() if time > $swept + 0.02;
  if (vec $ready, 0, 1) {
    sysread STDIN, $input, 65536, length $input or exit 0;
    take($1) while $input =~ s/^(.*)\n//;
  }
  for my $fd (grep { vec $ready, $_, 1 } keys %active) {
    my $try = $active{$fd} or next; my $count = sysread $try->{socket}, my $text, 1500;
    if (!defined $count) {
      next if $! == $EAGAIN && !($! = unpack 'i', getsockopt $try->{socket}, SOL_SOCKET, SO_ERROR);
      finish($try, "error $!"); next;
    }
    if ($try->{row}{protocol} ne 'sctp') { finish($try, $count ? $text : 'error closed'); next }
    $text = substr $text, 4 * (ord($text) & 15) unless $try->{row}{host} =~ /:/;
    my ($to, $chunk) = ((unpack 'nn', $text)[1], substr $text, 12);
    finish($try, text_of($chunk)) if $to == $try->{from} && ord($chunk) == 2;
  }
  finish($_, 'error timed out') for grep { $_->{deadline} <= time } values %active;
}`;

export interface Question {
  /** Name of the client's network namespace. */
  readonly from: string;
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** How many attempts, one after the other; default 1. */
  readonly times?: number;
  /** Goes on, to five times as many, until so many different servers have answered. */
  readonly distinct?: number;
  readonly localPort?: number;
  /** ms until an attempt is given up; default 5,000. */
  readonly timeoutMs?: number;
}

export interface Answer {
  /** Who answered; '' when nobody did. */
  readonly by: string;
  /** The client's address and port as the server saw them. */
  readonly seen: string;
  readonly seenPort: number;
  /** Why there was no answer. */
  readonly error: string;
  readonly ms: number;
  /** How many of its segments the client's TCP had to send again. */
  readonly retransmits: number;
}

export interface Probe {
  /** What was answered so far. */
  readonly answers: readonly Answer[];
  stop(): Promise<readonly Answer[]>;
}

/** A Perl program that reads lines and prints lines; it ends with this process, when its standard input is closed. */
export function perl(program: string, words: readonly string[]): ChildProcess {
  const number = SETNS[process.arch];
  if (!number) throw new Error(`the number of setns(2) is not known for ${process.arch}`);
  return spawn('perl', ['-e', program, String(number), ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Servers in the network namespaces of these names; resolves when all listen. */
export async function startServers(names: readonly string[]): Promise<void> {
  const child = perl(
    SERVERS,
    names.map((name) => `${name}=${netnsPath(name)}`),
  );
  await Promise.race([
    once(child.stdout!, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the servers did not start'))),
  ]);
}

export class Clients {
  readonly #child = perl(CLIENTS, []);
  readonly #open = new Map<string, { answers: Answer[]; ended: () => void; failed: (why: Error) => void }>();
  #asked = 0;

  constructor() {
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#take(line));
    this.#child.on('exit', (code) => {
      for (const { failed } of this.#open.values()) failed(new Error(`the clients' program ended with ${code}`));
    });
  }

  async ask(question: Question): Promise<readonly Answer[]> {
    const { ended, answers } = this.#send(question, question.times ?? 1, 0);
    await ended;
    return answers;
  }

  /** Asks every `everyMs` until stopped. */
  probe(question: Question, everyMs: number): Probe {
    const { id, ended, answers } = this.#send(question, 0, everyMs);
    const stop = async (): Promise<readonly Answer[]> => {
      this.#child.stdin!.write(`stop\t${id}\n`);
      await ended;
      return answers;
    };
    return { answers, stop };
  }

  #send(question: Question, times: number, everyMs: number) {
    const { from, transport, host, port, distinct = 0, localPort = 0, timeoutMs = 5000 } = question;
    this.#asked += 1;
    const id = String(this.#asked);
    const answers: Answer[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      this.#open.set(id, { answers, ended: resolve, failed: reject });
    });
    const words = [id, netnsPath(from), transport, host, port, times, distinct, localPort, timeoutMs, everyMs];
    this.#child.stdin!.write(`${words.join('\t')}\n`);
    return { id, ended, answers };
  }

  #take(line: string): void {
    const [id, text, ms, retransmits] = line.split('\t');
    const open = this.#open.get(id);
    if (!open) throw new Error(`an answer to nothing: ${line}`);
    if (ms === undefined) {
      this.#open.delete(id);
      open.ended();
      return;
    }
    const measured = { ms: Number(ms), retransmits: Number(retransmits) };
    if (text.startsWith('error')) {
      open.answers.push({ by: '', seen: '', seenPort: 0, error: text.slice(6) || 'empty answer', ...measured });
      return;
    }
    const [by, seen, seenPort] = text.split(' ');
    open.answers.push({ by, seen, seenPort: Number(seenPort), error: '', ...measured });
  }
}
