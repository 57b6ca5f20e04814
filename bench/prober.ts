// Runs on a node of the lab (bench/lab.ts), in Perl, for a Node process on each node would be most of the load. It hears from the kernel
// when rules change and asks Services for connections. One order a line on standard input, one answer a line on standard
// output; times are ms since the epoch, as every process of the machine sees them.
//   until IP PORT   answers when the Service takes connections here: since when the kernel has had the rules that made it so
//   watch IP PORT   answers at once: 0; then asks for a connection every 10 ms
//   stop            ends that; answers when the last request was sent that no one took, 0 when all were taken

/** A notice of the kernel names a Service by the bytes of its address; the rules are there when a connection is taken. */
export const PROBER = String.raw`
use strict;
use Socket qw(:DEFAULT SO_LINGER);
use Time::HiRes qw(time);
$| = 1;
# An attempt that is not taken within PATIENCE s is lost; PAUSE: between two attempts while no notice comes, EVERY: while watching.
use constant { PATIENCE => 0.5, PAUSE => 0.02, EVERY => 0.01, KEPT => 2, EINPROGRESS => 115 };

# Notices of nf_tables: netlink family 16, protocol 12, group 7.
socket my $kernel, 16, 3, 12 or die "socket: $!\n";
setsockopt $kernel, SOL_SOCKET, 8, pack 'i', 1 << 22;
bind $kernel, pack 'SSLL', 16, 0, 0, 1 << 6 or die "bind: $!\n";

my (@notices, %attempt, $until, $watch);
my $lost = 0;
sub answer { printf "%.3f\n", 1000 * $_[0] }

# When the last notice came, until a moment, that names the address.
sub noticed {
  my ($bytes, $moment) = @_;
  @notices = grep { $_->[0] > time - KEPT } @notices;
  for (reverse @notices) { return $_->[0] if $_->[0] <= $moment && index($_->[1], $bytes) >= 0 }
  return undef;
}

# Asks for a connection: done is told when it was sent, and whether it was taken.
sub attempt {
  my ($to, $done) = @_;
  my $sent = time;
  socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
  fcntl $socket, 4, 04000;
  # Ended by a reset, no connection lingers.
  setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
  my $underway = connect($socket, $to) || $! == EINPROGRESS;
  $attempt{fileno $socket} = { socket => $socket, sent => $sent, done => $done };
  settle(fileno $socket, 0) unless $underway;
}

sub ask_until {
  my $asking = $until;
  $asking->{asked} = time;
  attempt($asking->{to}, sub {
    my ($sent, $taken) = @_;
    return if $asking->{over};
    if (!$taken) { $asking->{refused} = $sent; return }
    # A notice after which someone was refused did not tell of the rules that count.
    my $since = noticed($asking->{bytes}, $sent);
    answer(defined $since && $since > ($asking->{refused} // 0) ? $since : $sent);
    $asking->{over} = 1;
    undef $until;
  });
}

sub ask_watched {
  $watch->{asked} = time;
  attempt($watch->{to}, sub { my ($sent, $taken) = @_; $lost = $sent if !$taken && $sent > $lost });
}

sub obey {
  my ($order, $ip, $port) = split ' ', shift;
  my $place = $ip && { to => pack_sockaddr_in($port, inet_aton($ip)), bytes => inet_aton($ip), asked => 0 };
  if ($order eq 'until') { $until = $place; ask_until() if noticed($until->{bytes}, time) }
  elsif ($order eq 'watch') { ($watch, $lost) = ($place, 0); answer(0) }
  else { $watch = { stopping => 1 } }
}

sub settle {
  my ($number, $taken) = @_;
  my $one = delete $attempt{$number};
  close $one->{socket};
  $one->{done}->($one->{sent}, $taken);
}

answer(0);
my $typed = '';
while (1) {
  my ($readable, $writable) = ('', '');
  vec($readable, $_, 1) = 1 for 0, fileno $kernel;
  vec($writable, $_, 1) = 1 for keys %attempt;
  my $due = $watch && $watch->{to} ? $watch->{asked} + EVERY : $until ? $until->{asked} + PAUSE : undef;
  my $wait = defined $due ? $due - time : %attempt ? PATIENCE : undef;
  select $readable, $writable, undef, defined $wait && $wait < 0 ? 0 : $wait;
  if (vec $readable, fileno $kernel, 1) {
    recv $kernel, my $message, 1 << 18, 0;
    push @notices, [time, $message // ''];
    ask_until() if $until && index($message // '', $until->{bytes}) >= 0;
  }
  if (vec $readable, 0, 1) {
    sysread STDIN, $typed, 4096, length $typed or exit 0;
    obey($1) while $typed =~ s/\A([^\n]*)\n//;
  }
  for (keys %attempt) {
    if (vec $writable, $_, 1) { settle($_, 0 == unpack 'i', getsockopt $attempt{$_}{socket}, SOL_SOCKET, SO_ERROR) }
    elsif ($attempt{$_}{sent} + PATIENCE < time) { settle($_, 0) }
  }
  ask_until() if $until && $until->{asked} + PAUSE < time;
  ask_watched() if $watch && $watch->{to} && $watch->{asked} + EVERY <= time;
  if ($watch && $watch->{stopping} && !%attempt) { undef $watch; answer($lost) }
}
`;
