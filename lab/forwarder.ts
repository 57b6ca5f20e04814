// The program that passes connections to the nodes' side of the API server's address on to the API server's unix socket, byte for
// byte: TLS ends at the server. It runs in the gateway's network namespace, where Node.js cannot go while it runs; in Perl, because
// it then starts in 10 ms and costs 5 MiB.
//
//   perl FORWARDER ADDRESS PORT SOCKET

export const FORWARDER_PROGRAM = String.raw`#!/usr/bin/perl
use strict;
use Socket qw(:DEFAULT inet_pton IPPROTO_TCP TCP_NODELAY SOMAXCONN);

my ($address, $port, $path) = @ARGV;
$SIG{PIPE} = 'IGNORE';

# Numbers of Linux, instead of modules that would double our start-up and memory.
my ($F_SETFL, $O_NONBLOCK, $EINTR, $EAGAIN) = (4, 04000, 4, 11);
sub never_wait { my ($handle) = @_; fcntl $handle, $F_SETFL, $O_NONBLOCK }
sub is_transient { return $! == $EAGAIN || $! == $EINTR }

# Pairs of ends: more would not fit into select(2)'s set; the rest waits in the kernel's queue.
my $MOST = 480;
# Bytes that may wait for a slow end before we stop reading from the other.
my $HIGH_WATER = 1 << 20;

my $is_ipv6 = $address =~ /:/;
my $place = $is_ipv6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $address)) : pack_sockaddr_in($port, inet_aton($address));
socket my $listener, $is_ipv6 ? PF_INET6 : PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
setsockopt $listener, SOL_SOCKET, SO_REUSEADDR, 1;
bind $listener, $place or die "cannot listen on $address:$port: $!\n";
listen $listener, SOMAXCONN or die "cannot listen on $address:$port: $!\n";
never_wait($listener);

# By descriptor: { handle, other, out: what waits to be written to it, ended: it sends no more, shut: it hears no more }.
my %end;
my ($reading, $writing) = ('', '');
vec($reading, fileno $listener, 1) = 1;

# One side broken means the other is of no use: both are closed, and the client asks again.
sub drop {
  my @pair = ($_[0], $_[0]{other});
  for my $one (@pair) {
    my $number = fileno $one->{handle};
    vec($_, $number, 1) = 0 for $reading, $writing;
    delete $end{$number};
    close $one->{handle};
    undef $one->{other};
  }
}

# Asks the kernel only for what this end is ready for.
sub rearm {
  my ($one) = @_;
  my $number = fileno $one->{handle};
  vec($writing, $number, 1) = length $one->{out} ? 1 : 0;
  vec($reading, $number, 1) = $one->{ended} || length $one->{other}{out} > $HIGH_WATER ? 0 : 1;
}

# Writes what waits for this end, passes the other's end of speech on, and closes both when both have nothing more to say.
sub flush_out {
  my ($one) = @_;
  my $other = $one->{other};
  if (length $one->{out}) {
    my $written = syswrite $one->{handle}, $one->{out};
    if (defined $written) { substr $one->{out}, 0, $written, '' }
    elsif (!is_transient()) { return drop($one) }
  }
  if ($other->{ended} && !length $one->{out} && !$one->{shut}) { $one->{shut} = 1; shutdown $one->{handle}, 1 }
  return drop($one) if $one->{shut} && $other->{shut};
  rearm($_) for $one, $other;
}

sub take_in {
  my ($one) = @_;
  my $other = $one->{other};
  my $read = sysread $one->{handle}, $other->{out}, 65536, length $other->{out};
  return if !defined $read && is_transient();
  return drop($one) unless defined $read;
  $one->{ended} = 1 unless $read;
  flush_out($other);
}

sub admit {
  while (keys %end < 2 * $MOST and accept my $near, $listener) {
    socket my $far, PF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
    # Without an API server the client learns at once that there is none.
    connect $far, pack_sockaddr_un($path) or next;
    setsockopt $near, IPPROTO_TCP, TCP_NODELAY, 1;
    my @pair = map { { handle => $_, out => '' } } $near, $far;
    ($pair[0]{other}, $pair[1]{other}) = @pair[1, 0];
    for my $one (@pair) {
      never_wait($one->{handle});
      $end{fileno $one->{handle}} = $one;
      vec($reading, fileno $one->{handle}, 1) = 1;
    }
  }
}

while (1) {
  vec($reading, fileno $listener, 1) = keys %end < 2 * $MOST ? 1 : 0;
  my ($readable, $writable) = ($reading, $writing);
  next if select($readable, $writable, undef, undef) < 1;
  for my $number (keys %end) {
    take_in($end{$number}) if $end{$number} && vec $readable, $number, 1;
    flush_out($end{$number}) if $end{$number} && vec $writable, $number, 1;
  }
  admit() if vec $readable, fileno $listener, 1;
}
`;
