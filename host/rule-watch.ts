// Hears when someone deletes rules, chains, sets or tables of this network namespace. A small listener in Perl (perl-base is on every
// Debian machine) asks the kernel for its notices and passes on those that matter: `nft monitor`, which stands in where there is no
// Perl, keeps a copy of all rules, 97 MB for 50,000 map elements.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemClock } from './clock.ts';

/**
 * Netlink by hand (linux/netlink.h, nfnetlink.h, nf_tables.h): a message is `length type flags sequence port`, then
 * `family version resource`, then attributes. Ends when its standard input does, which is when we do.
 */
const LISTENER = String.raw`
use strict;
use constant { AF_NETLINK => 16, SOCK_RAW => 3, NETLINK_NETFILTER => 12, NFTABLES_GROUP => 1 << 6, NFTABLES => 10 };
use constant { SOL_SOCKET => 1, RCVBUF => 8, RCVBUFFORCE => 33 };
my $wanted = qr/$ARGV[0]/;
my %family = (1 => 'inet', 2 => 'ip', 10 => 'ip6');
# Message type => what is deleted and the numbers of the attributes that name it; 26 and up are the same, asked for by "destroy".
my %deleted = (2 => ['table', 1], 5 => ['chain', 1, 3], 8 => ['rule', 1, 2], 11 => ['set', 1, 2]);
@deleted{26 .. 29} = @deleted{2, 5, 8, 11};

socket my $kernel, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER or die "socket: $!\n";
setsockopt $kernel, SOL_SOCKET, $_, pack 'i', 1 << 22 for RCVBUF, RCVBUFFORCE;
bind $kernel, pack 'SSLL', AF_NETLINK, 0, 0, NFTABLES_GROUP or die "bind: $!\n";
syswrite STDOUT, "listening\n";

sub report {
  my ($type, $body) = @_;
  my $kind = $deleted{$type & 255} or return;
  my ($what, @numbers) = @$kind;
  my %value;
  for (my $at = 4; $at + 4 <= length $body;) {
    my ($length, $number) = unpack 'SS', substr $body, $at, 4;
    last if $length < 4;
    $value{$number & 0x3fff} = unpack "Z*", substr $body, $at + 4, $length - 4;
    $at += ($length + 3) & ~3;
  }
  my $line = join ' ', 'delete', $what, $family{ord $body} // 'other', map { $value{$_} // '' } @numbers;
  syswrite STDOUT, "$line\n" if $line =~ $wanted;
}

while (1) {
  my $readable = '';
  vec($readable, $_, 1) = 1 for 0, fileno $kernel;
  select $readable, undef, undef, undef;
  exit 0 if vec($readable, 0, 1) && !sysread STDIN, my $end, 1;
  next unless vec $readable, fileno $kernel, 1;
  # The kernel drops what we are too slow for, and says so once.
  my $messages;
  unless (defined recv $kernel, $messages, 1 << 18, 0) { syswrite STDOUT, "gap\n"; next }
  for (my $at = 0; $at + 16 <= length $messages;) {
    my ($length, $type) = unpack 'LS', substr $messages, $at, 6;
    last if $length < 20;
    report($type, substr $messages, $at + 16, $length - 16) if $type >> 8 == NFTABLES;
    $at += ($length + 3) & ~3;
  }
}
`;

const PERL = '/usr/bin/perl';

export interface RuleWatch {
  /**
   * What to hear of, as Perl and JavaScript both read it, of lines such as `delete table ip nat`, `delete chain ip nat KUBE-SVC`,
   * `delete rule ip nat PREROUTING`, `delete set ip shop ips` (or `map`).
   */
  readonly pattern: string;
  readonly onDelete: (line: string) => void;
  /** Something may have been missed: while we did not listen, or were too slow. */
  readonly onGap: () => void;
  readonly signal: AbortSignal;
}

/** Listens until `signal` aborts, again when the listener ends by itself. */
export async function watchRules({ pattern, onDelete, onGap, signal }: RuleWatch): Promise<void> {
  const wanted = new RegExp(pattern);
  let hasListened = false;
  const onLine = (line: string): void => {
    if (wanted.test(line)) onDelete(line);
    else if (line === 'gap') onGap();
    else if (line === 'listening') {
      if (hasListened) onGap();
      hasListened = true;
    }
  };
  while (!signal.aborted) {
    await listen([PERL, '-e', LISTENER, pattern], onLine, signal);
    if (!hasListened && !signal.aborted) {
      onGap(); // nft does not say from when on it listens
      await listen(['nft', 'monitor'], onLine, signal);
    }
    await systemClock.sleep(100, signal).catch(() => undefined); // aborted: the loop's condition ends it
  }
}

/** Resolves when the program has ended, or could not be started. */
function listen(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'ignore'] });
    const stop = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', stop, { once: true });
    child.stdin.on('error', () => {}); // its end is told by 'close'
    createInterface({ input: child.stdout }).on('line', onLine);
    const ended = (): void => {
      signal.removeEventListener('abort', stop);
      resolve();
    };
    child.on('error', ended);
    child.on('close', ended);
  });
}
