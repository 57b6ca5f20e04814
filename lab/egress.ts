// The API server's way to nodes and pods: a small HTTP CONNECT proxy in the gateway's network namespace, which the API server, on the
// machine's own network, reaches by a unix socket. In Perl, as the forwarder is; a process per connection, so that none waits for another.
//
//   perl EGRESS SOCKET ADDRESS…      connects from ADDRESS (one of each family), by which the gateway knows that it is the API server who asks
import type { Directory } from './directory.ts';

export const EGRESS_PROGRAM = String.raw`#!/usr/bin/perl
use strict;
use Socket qw(:DEFAULT inet_pton IPPROTO_TCP TCP_NODELAY SOMAXCONN);

my ($path, @addresses) = @ARGV;
my ($F_GETFL, $F_SETFL, $O_NONBLOCK, $EINTR, $EAGAIN) = (3, 4, 04000, 4, 11);
my %name = (101 => 'ENETUNREACH', 104 => 'ECONNRESET', 110 => 'ETIMEDOUT', 111 => 'ECONNREFUSED', 113 => 'EHOSTUNREACH');
$SIG{PIPE} = $SIG{CHLD} = 'IGNORE';

unlink $path;
socket my $listener, PF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
umask 0177;
bind $listener, pack_sockaddr_un($path) or die "cannot listen on $path: $!\n";
listen $listener, SOMAXCONN or die "cannot listen on $path: $!\n";

sub answer { my ($near, $status, $reason) = @_; syswrite $near, "HTTP/1.1 $status $reason\r\n\r\n" }

sub read_question {
  my ($near) = @_;
  my $text = '';
  until ($text =~ /\r\n\r\n/) { sysread $near, $text, 4096, length $text and length $text < 65536 or return }
  return $text =~ m{\ACONNECT \[?([0-9a-fA-F.:]+?)\]?:(\d+) HTTP/1\.[01]\r\n.*?\r\n\r\n(.*)\z}s;
}

# The numbers of an address and port, of either family; undef for what is none.
sub place {
  my ($host, $port) = @_;
  my $number = inet_pton($host =~ /:/ ? AF_INET6 : AF_INET, $host) // return undef;
  return $host =~ /:/ ? pack_sockaddr_in6($port, $number) : pack_sockaddr_in($port, $number);
}

sub relay {
  my ($near, $far, $early) = @_;
  fcntl $_, $F_SETFL, $O_NONBLOCK | fcntl $_, $F_GETFL, 0 for $near, $far;
  my @ways = ({ from => $near, to => $far, text => $early }, { from => $far, to => $near, text => '' });
  while (@ways) {
    my ($readable, $writable) = ('', '');
    for (@ways) { length $_->{text} ? (vec($writable, fileno $_->{to}, 1) = 1) : (vec($readable, fileno $_->{from}, 1) = 1) }
    select($readable, $writable, undef, undef) > 0 or next;
    for (@ways) {
      my $moved = 1;
      if (!length $_->{text}) { $moved = sysread $_->{from}, $_->{text}, 65536 if vec $readable, fileno $_->{from}, 1 }
      elsif (vec $writable, fileno $_->{to}, 1) {
        $moved = syswrite $_->{to}, $_->{text};
        substr $_->{text}, 0, $moved, '' if $moved;
      }
      next if $moved || !defined $moved && ($! == $EAGAIN || $! == $EINTR);
      # A side that broke is of no use to the other; one that has finished may still listen.
      return unless defined $moved;
      shutdown $_->{to}, 1;
      $_->{over} = 1;
    }
    @ways = grep { !$_->{over} } @ways;
  }
}

sub serve {
  my ($near) = @_;
  my ($host, $port, $early) = read_question($near) or return answer($near, 400, 'EINVAL');
  my $to = place($host, $port) or return answer($near, 400, 'EINVAL');
  my $is_ipv6 = $host =~ /:/;
  my ($own) = grep { /:/ ? $is_ipv6 : !$is_ipv6 } @addresses or return answer($near, 502, 'ENETUNREACH');
  socket my $far, $is_ipv6 ? PF_INET6 : PF_INET, SOCK_STREAM, 0 or return answer($near, 502, "$!");
  bind $far, place($own, 0) or return answer($near, 502, "$!");
  local $SIG{ALRM} = sub { answer($near, 504, 'ETIMEDOUT'); exit };
  alarm 5;
  connect $far, $to or return answer($near, 502, $name{$! + 0} // "$!");
  alarm 0;
  setsockopt $far, IPPROTO_TCP, TCP_NODELAY, 1;
  answer($near, 200, 'OK');
  relay($near, $far, $early);
}

while (1) {
  accept my $near, $listener or next;
  my $child = fork;
  if (defined $child && !$child) { close $listener; serve($near); exit }
}
`;

/** Written for the API server's --egress-selector-config-file. */
export function egressConfiguration(socket: string): string {
  const connection = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: socket } } };
  const selection = { name: 'cluster', connection };
  const head = { apiVersion: 'apiserver.k8s.io/v1beta1', kind: 'EgressSelectorConfiguration' };
  return `${JSON.stringify({ ...head, egressSelections: [selection] }, null, 2)}\n`;
}

/** Where the program and the configuration are before anything is started. */
export const egressFile = ({ run }: Pick<Directory, 'run'>): string => `${run}/egress.pl`;
export const egressConfigurationFile = ({ run }: Pick<Directory, 'run'>): string => `${run}/egress.json`;
