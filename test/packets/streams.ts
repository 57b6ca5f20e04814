// TCP connections that stay open: a Perl process with echo servers in pods and clients anywhere, whose clients send a few bytes every
// few milliseconds, and which says what became of them.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { systemClock } from '../../host/clock.ts';
import { netnsPath } from '../../host/netns.ts';
import { COMMON, perl } from './sockets.ts';

/** Where the echo servers listen. */
export const ECHO_PORT = 8082;

/**
 * Arguments: the number of setns, the port, then `NETNS` of each server. Reads lines `open ID NETNS HOST PORT` (tabs between) and `report`,
 * which is answered with a line `ID ECHOED ERROR` for each connection and a last one `end`.
 */
const STREAMS = String.raw`${COMMON}
use Time::HiRes 'time'; my ($EAGAIN, $EINPROGRESS, $EVERY) = (11, 115, 0.005);
my $port = shift; my ($input, $next, %listening, %server, %client, %socket) = ('', 0);
for (@ARGV) {
  enter($_);
  socket my $s, PF_INET6, SOCK_STREAM, 0 or die "socket: $!\n";
  setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1; setsockopt $s, IPPROTO_IPV6, IPV6_V6ONLY, 0;
  bind $s, pack_sockaddr_in6($port, inet_pton(AF_INET6, '::')) or die "bind: $!\n";
  listen $s, 1024 or die "listen: $!\n"; never_wait($s); $listening{fileno $s} = $s;
}
print "ready\n";
sub begin {
  my ($id, $netns, $host, $to) = @_; my $is_v6 = $host =~ /:/; enter($netns);
  socket my $s, $is_v6 ? PF_INET6 : PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
  never_wait($s);
  my $address = $is_v6 ? pack_sockaddr_in6($to, inet_pton(AF_INET6, $host)) : pack_sockaddr_in($to, inet_aton($host));
  my $one = { id => $id, socket => $s, echoed => 0, error => '' }; $client{fileno $s} = $one;
  connect $s, $address or $! == $EINPROGRESS or $one->{error} = "$!";
}
sub take {
  my ($verb, @words) = split /\t/, $_[0];
  return begin(@words) if $verb eq 'open';
  printf "%s\t%d\t%s\n", @$_{qw(id echoed error)} for values %client; print "end\n";
}
sub hear {
  my ($one) = @_; my $count = sysread $one->{socket}, my $text, 4096;
  if ($count) { $one->{echoed} += $count } elsif (defined $count) { $one->{error} = 'closed' } elsif ($! != $EAGAIN) { $one->{error} = "$!" }
}
while (1) {
  my @alive = grep { !$_->{error} } values %client;
  if (time >= $next) {
    $next = time + $EVERY;
    for (@alive) { defined syswrite $_->{socket}, 'ping' or $! == $EAGAIN or $! == 107 or $_->{error} = "$!" }
  }
  my $ready = ''; vec($ready, $_, 1) = 1 for 0, keys %listening, keys %server, map { fileno $_->{socket} } grep { !$_->{error} } @alive;
  select $ready, undef, undef, $EVERY;
  if (vec $ready, 0, 1) { sysread STDIN, $input, 65536, length $input or exit 0; take($1) while $input =~ s/^(.*)\n// }
  for my $s (map { $listening{$_} } grep { vec $ready, $_, 1 } keys %listening) { while (accept my $one, $s) { never_wait($one); $server{fileno $one} = $one } }
  for my $fd (grep { vec $ready, $_, 1 } keys %server) {
    my $count = sysread $server{$fd}, my $text, 4096;
    if ($count) { syswrite $server{$fd}, $text } elsif (defined $count || $! != $EAGAIN) { delete $server{$fd} }
  }
  hear($_) for grep { !$_->{error} && vec $ready, fileno $_->{socket}, 1 } @alive;
}`;

export interface Stream {
  readonly id: string;
  /** Name of the client's network namespace. */
  readonly from: string;
  readonly host: string;
  readonly port: number;
}

/** By `Stream.id`. */
export type StreamReport = Readonly<Record<string, { readonly echoed: number; readonly error: string }>>;

const PATIENCE_MS = 20_000;

export class Streams {
  readonly #child;
  #lines: string[] = [];
  #told: ((report: StreamReport) => void) | undefined;

  private constructor(servers: readonly string[]) {
    this.#child = perl(STREAMS, [String(ECHO_PORT), ...servers.map(netnsPath)]);
  }

  /** Resolves when the servers, in these network namespaces, listen. */
  static async start(servers: readonly string[]): Promise<Streams> {
    const streams = new Streams(servers);
    await once(streams.#child.stdout!, 'data');
    createInterface({ input: streams.#child.stdout! }).on('line', (line) => streams.#take(line));
    return streams;
  }

  open(streams: readonly Stream[]): void {
    for (const { id, from, host, port } of streams) {
      this.#child.stdin!.write(`${['open', id, netnsPath(from), host, port].join('\t')}\n`);
    }
  }

  report(): Promise<StreamReport> {
    return new Promise((resolve) => {
      this.#told = resolve;
      this.#child.stdin!.write('report\n');
    });
  }

  /** Resolves with the report when every connection has echoed `more` bytes since `since`, or is broken; else when patience ends. */
  async goneOn(since: StreamReport = {}, more = 400): Promise<StreamReport> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const now = await this.report();
      const isSettled = Object.entries(now).every(
        ([id, { echoed, error }]) => error !== '' || echoed - (since[id]?.echoed ?? 0) >= more,
      );
      if (isSettled || Date.now() > deadline) return now;
      await systemClock.sleep(50);
    }
  }

  #take(line: string): void {
    if (line !== 'end') {
      this.#lines.push(line);
      return;
    }
    const rows = this.#lines.map((one) => one.split('\t'));
    this.#lines = [];
    this.#told?.(Object.fromEntries(rows.map(([id, echoed, error]) => [id, { echoed: Number(echoed), error }])));
  }
}
