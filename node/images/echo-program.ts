// The program of the image `echo`, in Perl (perl-base: core modules only): one process, one loop over all its sockets, about
// 7 MiB. Told its ports by `-port=N`; `-listen=:N` and `-text=T` are hashicorp/http-echo's, and
// with `-echoserver` it names its client as registry.k8s.io/echoserver does, besides. What it says of itself comes from
// POD_NAME, POD_NAMESPACE, POD_IP and NODE_NAME.
import { SOCKETS } from './perl-sockets.ts';

export const ECHO = String.raw`#!/usr/bin/perl
use strict;
use Socket qw(:DEFAULT inet_ntop IN6ADDR_ANY IPPROTO_TCP TCP_NODELAY SOMAXCONN);

# Asked to end, it answers a while longer: nodes learn a little later than we do that connections should go elsewhere.
my $LAME_DUCK_SECONDS = 0.3;
sub end_soon {
  $SIG{TERM} = $SIG{INT} = 'IGNORE';
  $SIG{USR1} = sub { exit 0 };
  my $self = $$;
  my $timer = fork;
  exit 0 unless defined $timer;
  return if $timer;
  select undef, undef, undef, $LAME_DUCK_SECONDS;
  kill USR1 => $self;
  exit 0;
}

# As process 1 of its container it only gets the signals it asks for.
$SIG{TERM} = $SIG{INT} = \&end_soon;
$SIG{PIPE} = 'IGNORE';
$| = 1;

# Numbers of Linux, instead of modules that would double our start-up and memory.
my ($F_SETFL, $O_NONBLOCK, $EINTR, $EAGAIN) = (4, 04000, 4, 11);
sub never_wait { my ($handle) = @_; fcntl $handle, $F_SETFL, $O_NONBLOCK }
sub is_transient { return $! == $EAGAIN || $! == $EINTR }

my (%port, $text, $is_echoserver);
while (defined(my $word = shift)) {
  my ($flag, $value) = $word =~ /^--?(port|listen|text|echoserver)(?:=(.*))?$/s or do { warn "echo: argument left out: $word\n"; next };
  if ($flag eq 'echoserver') { $is_echoserver = 1; next }
  $value = shift unless defined $value;
  if ($flag eq 'text') { $text = $value }
  elsif ($flag eq 'listen') { %port = ($value =~ /(\d+)$/ ? ($1 => 1) : ()) }
  else { $port{$value} = 1 }
}
%port = (8080 => 1) unless %port;

# More would not fit into select(2)'s set; the rest waits in the kernel's queue.
my $MOST = 960;
# Bytes that may wait for a slow reader before we stop reading from it.
my $HIGH_WATER = 1 << 20;
my $GREATEST_HEAD = 64 << 10;

my (%listener, %datagram, %peer);
my ($reading, $writing) = ('', '');

${SOCKETS}

for my $port (sort keys %port) {
  my $tcp = socket_at(SOCK_STREAM, $port) or die "listen tcp :$port: bind: $!\n";
  listen $tcp, SOMAXCONN or die "listen tcp :$port: $!\n";
  never_wait($tcp);
  my $udp = socket_at(SOCK_DGRAM, $port) or die "listen udp :$port: bind: $!\n";
  never_wait($udp);
  $listener{fileno $tcp} = { handle => $tcp, port => $port };
  $datagram{fileno $udp} = $udp;
  vec($reading, fileno $_, 1) = 1 for $tcp, $udp;
}
print "echo: listening on ", join(', ', sort { $a <=> $b } keys %port), "\n";

sub drop {
  my ($one) = @_;
  my $number = fileno $one->{handle};
  vec($_, $number, 1) = 0 for $reading, $writing;
  delete $peer{$number};
  close $one->{handle};
}

# Asks the kernel only for what we are ready for.
sub rearm {
  my ($one) = @_;
  my $number = fileno $one->{handle};
  my $waiting = length $one->{out};
  vec($writing, $number, 1) = $waiting ? 1 : 0;
  vec($reading, $number, 1) = $one->{ended} || $waiting > $HIGH_WATER ? 0 : 1;
  drop($one) if $one->{ended} && !$waiting;
}

sub flush_out {
  my ($one) = @_;
  if (length $one->{out}) {
    my $written = syswrite $one->{handle}, $one->{out};
    if (defined $written) { substr $one->{out}, 0, $written, '' }
    elsif (!is_transient()) { return drop($one) }
  }
  rearm($one);
}

sub admit {
  my ($listener) = @_;
  while (keys %peer < $MOST and my $address = accept my $handle, $listener->{handle}) {
    never_wait($handle);
    setsockopt $handle, IPPROTO_TCP, TCP_NODELAY, 1;
    $peer{fileno $handle} = { handle => $handle, port => $listener->{port}, client => peer_name($address), in => '', out => '' };
    vec($reading, fileno $handle, 1) = 1;
  }
}

sub quote {
  my ($value) = @_;
  $value =~ s/([\\"])/\\$1/g;
  $value =~ s/([\x00-\x1f\x7f-\xff])/sprintf '\\u%04x', ord $1/ge;
  return qq("$value");
}

# What we say about ourselves and the request, as text or as JSON.
sub report {
  my ($one, $method, $target, $header) = @_;
  my @about = (
    pod => $ENV{POD_NAME}, namespace => $ENV{POD_NAMESPACE}, node => $ENV{NODE_NAME}, podIP => $ENV{POD_IP},
    client => $one->{client}, port => $one->{port}, method => $method, path => $target, host => $header->{host},
  );
  my @pairs;
  while (my ($key, $value) = splice @about, 0, 2) { push @pairs, [$key, $value // ''] }
  if (($header->{accept} // '') =~ m{application/json} || $target =~ /[?&]json\b/) {
    return ('application/json', '{' . join(',', map { quote($_->[0]) . ':' . ($_->[0] eq 'port' ? $_->[1] : quote($_->[1])) } @pairs) . "}\n");
  }
  my $said = join '', map { "$_->[0]: $_->[1]\n" } @pairs;
  $said .= 'client_address=' . ($one->{client} =~ s/^\[?(.*?)\]?:\d+$/$1/r) . "\n" if $is_echoserver;
  return ('text/plain; charset=utf-8', $said);
}

sub answer {
  my ($one, $method, $target, $header, $alive) = @_;
  my $hostname = ($ENV{POD_NAME} // $ENV{HOSTNAME} // '') . "\n";
  my ($type, $body) =
      $target =~ m{^/(?:healthz|livez|readyz|health|ready)(?:[?]|$)} ? ('text/plain', "ok\n")
    : $target =~ m{^/hostname(?:[?]|$)} ? ('text/plain', $hostname)
    : defined $text ? ('text/plain; charset=utf-8', "$text\n")
    : report($one, $method, $target, $header);
  my $connection = $alive ? 'keep-alive' : 'close';
  my $length = length $body;
  $body = '' if $method eq 'HEAD';
  $one->{out} .= "HTTP/1.1 200 OK\r\nContent-Type: $type\r\nContent-Length: $length\r\nConnection: $connection\r\n\r\n$body";
}

# Takes the request's body off the input; true when all of it was there.
sub take_body {
  my ($one) = @_;
  if ($one->{chunked}) {
    while ($one->{in} =~ /\A([0-9a-fA-F]{1,8})[^\r\n]*\r\n/) {
      my ($line, $size) = ($+[0], hex $1);
      if ($size == 0) {
        $one->{in} =~ s/\A0+[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n// or return 0;
        return 1;
      }
      return 0 if length $one->{in} < $line + $size + 2;
      substr $one->{in}, 0, $line + $size + 2, '';
    }
    return 0;
  }
  my $taken = $one->{left} < length $one->{in} ? $one->{left} : length $one->{in};
  substr $one->{in}, 0, $taken, '';
  return ($one->{left} -= $taken) == 0;
}

# Answers every whole request that has come in.
sub serve_http {
  my ($one) = @_;
  while (1) {
    if (!$one->{request}) {
      $one->{in} =~ s/\A(?:\r\n)+//;
      if ($one->{in} !~ s/\A(\S+) (\S+) HTTP\/1\.([01])\r?\n(.*?)\r?\n(?:\r?\n)//s && $one->{in} !~ s/\A(\S+) (\S+) HTTP\/1\.([01])\r?\n()\r?\n//) {
        return unless length $one->{in} > $GREATEST_HEAD || $one->{in} =~ /\n/ && $one->{in} !~ /\A\S+ \S+ HTTP\/1\.[01]\r?\n/;
        $one->{out} .= "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        $one->{ended} = 1;
        return;
      }
      my ($method, $target, $minor, $lines) = ($1, $2, $3, $4);
      my %header = map { /^([^:\s]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () } split /\r?\n/, $lines;
      my $asked = lc($header{connection} // '');
      my $alive = $minor ? $asked !~ /\bclose\b/ : $asked =~ /\bkeep-alive\b/;
      $one->{chunked} = lc($header{'transfer-encoding'} // '') =~ /chunked/;
      $one->{left} = ($header{'content-length'} // '') =~ /^(\d+)$/ ? $1 : 0;
      $one->{out} .= "HTTP/1.1 100 Continue\r\n\r\n" if lc($header{expect} // '') eq '100-continue';
      $one->{request} = [$method, $target, \%header, $alive];
    }
    take_body($one) or return;
    my @request = @{delete $one->{request}};
    answer($one, @request);
    $one->{ended} = 1 unless $request[3];
    return if $one->{ended};
  }
}

# The first bytes tell what a connection is: 'http' (a method and a space), 'echo' (anything else), or not yet.
my @METHODS = map { "$_ " } qw(GET HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT);
sub kind_of {
  my ($one) = @_;
  return 'http' if grep { index($one->{in}, $_) == 0 } @METHODS;
  return !$one->{ended} && grep({ index($_, $one->{in}) == 0 } @METHODS) ? '' : 'echo';
}

sub serve {
  my ($one) = @_;
  my $read = sysread $one->{handle}, $one->{in}, 65536, length $one->{in};
  if (!defined $read) { return is_transient() ? undef : drop($one) }
  $one->{ended} = 1 if $read == 0;
  $one->{kind} ||= kind_of($one);
  if ($one->{kind} eq 'http') { serve_http($one) }
  elsif ($one->{kind} eq 'echo') { $one->{out} .= $one->{in}; $one->{in} = '' }
  flush_out($one);
}

while (1) {
  my $readable = $reading;
  # Full up: connections wait in the kernel until one of ours ends.
  if (keys %peer >= $MOST) { vec($readable, $_, 1) = 0 for keys %listener }
  my $writable = $writing;
  next unless select($readable, $writable, undef, undef) > 0;
  for (grep { vec $readable, $_, 1 } keys %datagram) {
    while (defined(my $from = recv $datagram{$_}, my $message, 65536, 0)) { send $datagram{$_}, $message, 0, $from }
  }
  for (grep { vec $writable, $_, 1 } keys %peer) { flush_out($peer{$_}) if $peer{$_} }
  for (grep { vec $readable, $_, 1 } keys %peer) { serve($peer{$_}) if $peer{$_} }
  for (grep { vec $readable, $_, 1 } keys %listener) { admit($listener{$_}) }
}
`;
