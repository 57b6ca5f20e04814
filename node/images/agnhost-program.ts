// The program of the image `agnhost`, in Perl (perl-base: core modules only). A server handles each connection in a child of its
// own. Flags, paths and words are those of upstream's test/images/agnhost.
import { GRPC_HEALTH } from './agnhost-grpc.ts';
import { MOUNTTEST } from './agnhost-mounttest.ts';
import { NETCAT } from './agnhost-nc.ts';
import { BEHIND_TLS } from './agnhost-tls.ts';
import { SOCKETS } from './perl-sockets.ts';

export const AGNHOST = String.raw`#!/usr/bin/perl
use strict;
use Socket qw(:DEFAULT inet_ntop IN6ADDR_ANY IPPROTO_TCP SOMAXCONN getaddrinfo);

$| = 1;
$SIG{PIPE} = 'IGNORE';
my $hostname = do { open my $file, '<', '/proc/sys/kernel/hostname'; my $name = <$file>; chomp $name; $name };

my @words = ($0, @ARGV);
my $command = shift(@ARGV) // 'pause';
my (%flag, @rest);
for my $known ({ map { $_ => 1 } qw(http tcp udp close json-response file_content_in_loop break_on_expected_content) }) {
  while (defined(my $word = shift @ARGV)) {
    if ($word =~ /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s) {
      my ($name, $value) = ($1, $2);
      $value = $known->{$name} || !@ARGV ? 'true' : shift @ARGV unless defined $value;
      $flag{$name} = $value;
    } else { push @rest, $word }
  }
}
sub is_on { my ($name, $default) = @_; return ($flag{$name} // $default) eq 'true' }
sub seconds { my ($text) = @_; return $text =~ /^([\d.]+)(ms|m|s)?$/ ? $1 * { ms => 0.001, s => 1, m => 60 }->{$2 || 's'} : 0 }
sub nap { select undef, undef, undef, $_[0] }
sub fail { print STDERR "$_[0]\n"; exit 1 }

# ---------------------------------------------------------------- sockets

${SOCKETS}

sub listen_tcp {
  my ($port) = @_;
  my $handle = socket_at(SOCK_STREAM, $port) or fail("listen tcp :$port: bind: " . lcfirst $!);
  listen $handle, SOMAXCONN;
  return $handle;
}
sub listen_udp {
  my ($port) = @_;
  return socket_at(SOCK_DGRAM, $port) || fail("listen udp :$port: bind: " . lcfirst $!);
}

${BEHIND_TLS}
# Runs until asked to end: connections go to $tcp in a child of their own, datagrams to $udp, whose answer is sent back.
sub serve {
  my (%server) = @_;
  $SIG{CHLD} = sub {
    while ((my $pid = waitpid(-1, 1)) > 0) { exit 1 if $front{$pid} }
  };
  $SIG{TERM} = $SIG{INT} = sub {
    $server{ending}->() if $server{ending};
    if (my $delay = $flag{'delay-shutdown'}) { print "Sleeping $delay seconds before terminating...\n"; nap($delay) }
    exit 0;
  };
  while (1) {
    my $readable = '';
    vec($readable, fileno $_, 1) = 1 for map { $_->[0] } @{$server{tcp} || []}, @{$server{udp} || []};
    next unless select($readable, undef, undef, undef) > 0;
    for (grep { vec $readable, fileno $_->[0], 1 } @{$server{udp} || []}) {
      my ($handle, $answer) = @$_;
      my $from = recv($handle, my $message, 65536, 0) // next;
      my $text = $answer->($message, $from);
      send $handle, $text, 0, $from if defined $text;
    }
    for (grep { vec $readable, fileno $_->[0], 1 } @{$server{tcp} || []}) {
      my ($listener, $handle_it) = @$_;
      my $address = accept my $peer, $listener or next;
      my $child = fork;
      if (defined $child && !$child) {
        $SIG{CHLD} = $SIG{TERM} = $SIG{INT} = 'DEFAULT';
        close $listener;
        setsockopt $peer, IPPROTO_TCP, 1, 1;
        $handle_it->($peer, client_name($peer, $address));
        exit 0;
      }
      close $peer;
    }
  }
}

# ---------------------------------------------------------------- HTTP

sub decode { my ($text) = @_; $text =~ tr/+/ /; $text =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge; return $text }
my %reason = (200 => 'OK', 301 => 'Moved Permanently', 302 => 'Found', 303 => 'See Other', 307 => 'Temporary Redirect', 308 => 'Permanent Redirect', 404 => 'Not Found', 412 => 'Precondition Failed', 500 => 'Internal Server Error', 503 => 'Service Unavailable');

# $answer gets a request and returns (status, body, headers…).
sub speak_http {
  my ($peer, $client, $answer) = @_;
  my $in = '';
  alarm 90;
  while (1) {
    until ($in =~ /\r?\n\r?\n/) {
      sysread $peer, $in, 65536, length $in or return;
      # Another protocol's words, or TLS.
      my $is_http = $in =~ m{\A(?!\x16)(?:[^\n]*\z|\S+ \S+ HTTP/1\.[01]\r?\n)};
      return syswrite $peer, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request" unless $is_http;
    }
    $in =~ s/\A(\S+) (\S+) HTTP\/1\.([01])\r?\n((?:[^\r\n]+\r?\n)*)\r?\n// or return;
    my %request = (method => $1, target => $2, client => $client, minor => $3);
    $request{header} = { map { /^([^:\s]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () } split /\r?\n/, $4 };
    my $length = $request{header}{'content-length'} || 0;
    while (length $in < $length) { sysread $peer, $in, 65536, length $in or return }
    $request{body} = substr $in, 0, $length, '';
    ($request{path}, my $query) = split /\?/, $request{target}, 2;
    $request{path} = decode($request{path});
    $request{query} = { map { my ($key, $value) = split /=/, $_, 2; (decode($key) => decode($value // '')) } split /&/, $query // '' };
    my ($status, $body, %header) = $answer->(\%request);
    my $asked = lc($request{header}{connection} // '');
    my $stays = $request{minor} ? $asked !~ /close/ : $asked =~ /keep-alive/;
    $header{'Content-Type'} //= 'text/plain; charset=utf-8';
    my $head = join '', map { "$_: $header{$_}\r\n" } sort keys %header;
    my $why = $reason{$status} // 'Status';
    my $out = "HTTP/1.1 $status $why\r\n$head" . 'Content-Length: ' . length($body) . "\r\nConnection: " . ($stays ? 'keep-alive' : 'close') . "\r\n\r\n";
    $out .= $body unless $request{method} eq 'HEAD';
    while (length $out) { my $sent = syswrite $peer, $out; return unless $sent; substr $out, 0, $sent, '' }
    alarm 90;
    return unless $stays;
  }
}

# With the page that Go's net/http sends along.
sub redirect {
  my ($to, $status) = @_;
  $status ||= 302;
  my %entity = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&#34;', "'" => '&#39;');
  my $shown = $to =~ s/([&<>"'])/$entity{$1}/gr;
  my $why = $reason{$status} // 'Status';
  return ($status, qq(<a href="$shown">$why</a>.\n\n), Location => $to, 'Content-Type' => 'text/html; charset=utf-8');
}

sub quote {
  my ($value) = @_;
  $value =~ s/([\\"])/\\$1/g;
  $value =~ s/\n/\\n/g;
  $value =~ s/\t/\\t/g;
  $value =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
  return qq("$value");
}
sub json { my (%lists) = @_; return '{' . join(',', map { my $v = $lists{$_}; quote($_) . ':' . (ref $v ? '[' . join(',', map { quote($_) } @$v) . ']' : quote($v)) } sort keys %lists) . '}' }

# ---------------------------------------------------------------- asking others

# Connects within $limit seconds; dies with REFUSED, TIMEOUT, DNS: … or OTHER: …
sub dial {
  my ($protocol, $host, $port, $limit) = @_;
  my ($problem, @found) = getaddrinfo($host, $port, { socktype => $protocol eq 'udp' ? SOCK_DGRAM : SOCK_STREAM });
  die "DNS: lookup $host: $problem\n" if $problem || !@found;
  socket my $handle, $found[0]{family}, $protocol eq 'udp' ? SOCK_DGRAM : SOCK_STREAM, 0 or die "OTHER: $!\n";
  local $SIG{ALRM} = sub { die "TIMEOUT\n" };
  alarm int($limit) || 1;
  my $connected = connect $handle, $found[0]{addr};
  my $why = $!;
  alarm 0;
  return $handle if $connected;
  die $why =~ /refused/i ? "REFUSED\n" : $why =~ /timed out/i ? "TIMEOUT\n" : 'OTHER: ' . lcfirst("$why\n");
}

sub ask {
  my ($protocol, $host, $port, $request, $limit) = @_;
  my $handle = dial($protocol, $host, $port, $limit);
  local $SIG{ALRM} = sub { die "TIMEOUT\n" };
  alarm int($limit) || 1;
  my $said = '';
  if ($protocol eq 'udp') {
    send $handle, $request, 0;
    defined recv($handle, $said, 65536, 0) or die "REFUSED\n";
  } else {
    $request =~ s{^/}{};
    syswrite $handle, "GET /$request HTTP/1.0\r\nHost: $host:$port\r\n\r\n";
    1 while sysread $handle, $said, 65536, length $said;
    $said =~ s/\A.*?\r\n\r\n//s or die "OTHER: no answer\n";
  }
  alarm 0;
  return $said;
}

# ---------------------------------------------------------------- sub-commands

my $main = $$;
my $is_ending = 0;

sub run_shell {
  my ($line) = @_;
  local $SIG{CHLD} = 'DEFAULT';
  open my $pipe, '-|', '/bin/sh', '-c', "$line 2>&1" or return json(error => "$!");
  my $output = do { local $/; <$pipe> } // '';
  close $pipe;
  return json(output => $output, $? ? (error => 'exit status ' . ($? >> 8)) : ());
}

sub dial_for {
  my ($query) = @_;
  my ($protocol, $host, $port) = @$query{qw(protocol host port)};
  my (@responses, @errors);
  for (1 .. $query->{tries} || 1) {
    my $said = eval { ask($protocol || 'http', $host, $port, $query->{request} // '', 5) };
    if (defined $said) { push @responses, $said } else { chomp(my $why = $@); push @errors, $why }
  }
  return json(@responses ? (responses => \@responses) : (), @errors ? (errors => \@errors) : ());
}

sub netexec_answer {
  my ($request) = @_;
  my ($path, $query) = @$request{qw(path query)};
  printf "%s %s %s\n", scalar gmtime, $request->{method}, $request->{target};
  return (200, 'NOW: ' . gmtime() . ' +0000 UTC') if $path eq '/';
  return (200, $request->{client}) if $path eq '/clientip';
  return (200, $hostname) if lc $path eq '/hostname';
  return (200, $request->{header}{lc $query->{key}} // '') if $path eq '/header';
  return ($query->{code} || 200, $query->{msg} // '') if $path eq '/echo';
  return (200, run_shell($query->{shellCommand} // $query->{cmd} // '')) if $path eq '/shell';
  return (200, dial_for($query)) if $path eq '/dial';
  return redirect($query->{location} // '/', $query->{code}) if $path eq '/redirect';
  return -e "/tmp/.agnhost-ending-$main" ? (412, '') : (200, '') if $path eq '/healthz';
  if ($path eq '/exit' || $path eq '/shutdown') {
    nap(seconds($query->{wait})) if $query->{wait};
    my $code = int($query->{code} || 0);
    if (open my $file, '>', "/tmp/.agnhost-exit-$main") { print $file $code; close $file }
    kill USR1 => $main;
    return (200, '');
  }
  return (404, "404 page not found\n");
}

sub netexec {
  my ($http, $udp) = ($flag{'http-port'} // 8080, $flag{'udp-port'} // 8081);
  $SIG{USR1} = sub { open my $file, '<', "/tmp/.agnhost-exit-$main"; my $code = <$file> // 0; exit $code };
  my @udp = $udp > 0 ? ([listen_udp($udp), sub {
    my ($message, $from) = @_;
    $message =~ s/\s+$//;
    return lc $message eq 'hostname' ? $hostname : lc $message eq 'clientip' ? peer_name($from) : $message =~ /^echo (.*)/is ? $1 : undef;
  }]) : ();
  my ($cert, $key) = @flag{'tls-cert-file', 'tls-private-key-file'};
  my $scheme = $cert && $key ? 'HTTPS' : 'HTTP';
  my $listener = $scheme eq 'HTTPS' ? listen_behind_tls($http, $cert, $key) : listen_tcp($http);
  my @tcp = ([$listener, sub { speak_http(@_, \&netexec_answer) }]);
  print "Started $scheme server on port $http\n";
  print "Started UDP server on port  $udp\n" if @udp;
  serve(tcp => \@tcp, udp => \@udp, ending => sub { open my $file, '>', "/tmp/.agnhost-ending-$main" });
}

sub serve_hostname {
  my $port = $flag{port} // 9376;
  my (@tcp, @udp);
  push @udp, [listen_udp($port), sub { "$hostname\n" }] if is_on('udp', 'false');
  if (is_on('tcp', 'false')) {
    push @tcp, [listen_tcp($port), sub {
      my ($peer) = @_;
      syswrite $peer, "$hostname\n";
      return if is_on('close', 'false');
      1 while sysread $peer, my $ignored, 4096;
    }];
  } elsif (is_on('http', @udp ? 'false' : 'true')) {
    push @tcp, [listen_tcp($port), sub { speak_http(@_, sub { (200, $hostname, is_on('close', 'false') ? (Connection => 'close') : ()) }) }];
  }
  print "Serving on port $port.\n";
  serve(tcp => \@tcp, udp => \@udp);
}

sub connect_to {
  my ($host, $port) = ($rest[0] // '') =~ /^\[?(.*?)\]?:(\w+)$/ or fail('OTHER: address must be HOST:PORT');
  my $limit = seconds($flag{timeout} // '5s') || 5;
  my $protocol = $flag{protocol} // 'tcp';
  my $done = eval { $protocol eq 'udp' ? ask('udp', $host, $port, 'hostname', $limit) : dial($protocol, $host, $port, $limit) };
  chomp(my $why = $@);
  fail($why) unless defined $done;
}

# A port for every variable SERVE_PORT_… and SERVE_TLS_PORT_…, which answers with the variable's value.
sub porter {
  my @files = map { $ENV{$_->[0]} // $_->[1] } ['CERT_FILE', '/localhost.crt'], ['KEY_FILE', '/localhost.key'];
  my @tcp = map {
    my ($tls, $port, $value) = (/^SERVE_(TLS_)?PORT_(\d+)$/, $ENV{$_});
    my $type = $value =~ /^\s*</ ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8';
    my $listener = $tls ? listen_behind_tls($port, @files) : listen_tcp($port);
    my $answer = sub {
      return (200, $value, 'Content-Type' => $type) unless is_on('json-response', 'false');
      return (200, json(Method => $_[0]{method}, Body => $value), 'Content-Type' => 'application/json');
    };
    [$listener, sub { speak_http(@_, $answer) }];
  } grep { /^SERVE_(?:TLS_)?PORT_\d+$/ } keys %ENV;
  serve(tcp => \@tcp);
}

sub file_answer {
  my ($request) = @_;
  my $path = join '/', '', grep { length && $_ ne '.' && $_ ne '..' } split m{/}, $request->{path};
  if (-d "$path/") {
    opendir my $folder, "$path/" or return (403, "403 Forbidden\n");
    my @names = map { -d "$path/$_" ? "$_/" : $_ } sort grep { !/^\.\.?$/ } readdir $folder;
    return (200, "<pre>\n" . join('', map { qq(<a href="$_">$_</a>\n) } @names) . "</pre>\n", 'Content-Type' => 'text/html; charset=utf-8');
  }
  open my $file, '<', $path or return (404, "404 page not found\n");
  local $/;
  return (200, scalar <$file>);
}

${MOUNTTEST}
# The words of /etc/resolv.conf's lines that begin so.
sub resolver_words {
  my ($key) = @_;
  open my $file, '<', '/etc/resolv.conf' or fail("open /etc/resolv.conf: " . lcfirst $!);
  print join(',', map { /^\s*$key\s+(.*?)\s*$/ ? split ' ', $1 : () } <$file>), "\n";
}

# Well for ten seconds; a redirect leads wherever it is asked to.
sub liveness {
  my $began = time;
  my $answer = sub {
    my ($request) = @_;
    my $age = time - $began;
    return redirect($request->{query}{loc} // '') if $request->{path} eq '/redirect';
    return (200, "$age") if $request->{path} eq '/started';
    return $age > 10 ? (500, "error: $age") : (200, 'ok');
  };
  serve(tcp => [[listen_tcp($flag{port} // 8080), sub { speak_http(@_, $answer) }]]);
}

${NETCAT}
${GRPC_HEALTH}
if ($0 =~ m{/nc$}) { netcat(@words[1 .. $#words]) }
elsif ($command eq 'netexec') { netexec() }
elsif ($command eq 'serve-hostname') { serve_hostname() }
elsif ($command eq 'connect') { connect_to() }
elsif ($command eq 'test-webserver') { my $port = $flag{port} // 80; serve(tcp => [[listen_tcp($port), sub { speak_http(@_, \&file_answer) }]]) }
elsif ($command eq 'liveness') { liveness() }
elsif ($command eq 'porter') { porter() }
elsif ($command eq 'grpc-health-checking') { grpc_health_checking() }
elsif ($command eq 'etc-hosts') { open my $hosts, '<', '/etc/hosts' or fail("open /etc/hosts: " . lcfirst $!); print <$hosts> }
elsif ($command eq 'dns-suffix') { resolver_words('search') }
elsif ($command eq 'dns-server-list') { resolver_words('nameserver') }
elsif ($command eq 'entrypoint-tester') { print '[', join(' ', @words), "]\n" }
elsif ($command eq 'mounttest') { mounttest() }
elsif ($command eq 'pause') { $SIG{TERM} = $SIG{INT} = sub { exit 0 }; print "Paused\n"; sleep 3600 while 1 }
else { fail(qq(Error: unknown command "$command" for "app"\nthere are netexec, serve-hostname, connect, test-webserver, liveness, porter, grpc-health-checking, mounttest, etc-hosts, dns-suffix, dns-server-list, entrypoint-tester, pause)) }
`;
