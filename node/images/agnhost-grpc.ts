// `agnhost grpc-health-checking`: the gRPC health service (grpc/grpc-proto health.proto) over HTTP/2 in the clear, as much of both as
// one small call needs: what a client says in its headers is not read, so that nothing has to be unpacked (RFC 9113, RFC 7541).

export const GRPC_HEALTH = String.raw`
sub http2_frame { my ($type, $flags, $stream, $content) = @_; return substr(pack('N', length $content), 1) . pack('CCN', $type, $flags, $stream) . $content }
# A header field without an index, its name one of the static table's (RFC 7541, 6.2.2) or its own.
sub hpack_text { my ($text) = @_; return chr(length $text) . $text }

# One client, call after call: $status gets a service's name and returns its serving status, or nothing when there is no such service.
sub speak_grpc {
  my ($peer, $status) = @_;
  my ($in, %asked) = ('');
  my $take = sub {
    my ($length) = @_;
    while (length $in < $length) { sysread $peer, $in, 65536, length $in or exit 0 }
    return substr $in, 0, $length, '';
  };
  $take->(24); # the client's preface
  syswrite $peer, http2_frame(4, 0, 0, '');
  while (1) {
    my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $take->(9);
    my $content = $take->($high << 16 | $low);
    syswrite $peer, http2_frame($type, 1, 0, $type == 6 ? $content : '') if ($type == 4 || $type == 6) && !($flags & 1);
    next unless $type == 0;
    $asked{$stream} .= $content;
    next unless $flags & 1;
    # A flag, four bytes of length, and the field service = 1, unless it is empty.
    my $message = substr delete $asked{$stream}, 5;
    my $serving = $status->(length $message ? substr $message, 2 : '');
    my $head = "\x88\x0f\x10" . hpack_text('application/grpc');
    my $outcome = "\x00" . hpack_text('grpc-status') . hpack_text(defined $serving ? '0' : '5');
    my $body = defined $serving ? http2_frame(0, 0, $stream, pack 'CNCC', 0, 2, 8, $serving) : '';
    syswrite $peer, http2_frame(1, 4, $stream, $head) . $body . http2_frame(1, 5, $stream, $outcome);
  }
}

sub grpc_health_checking {
  my ($began, $wanted) = (time, 1);
  # Connections are served in children: what one of them changes is told to whoever makes the next.
  my $self = $$;
  $SIG{USR1} = sub { $wanted = 1 };
  $SIG{USR2} = sub { $wanted = 2 };
  my $delay = $flag{'delay-unhealthy-sec'} // -1;
  my $status = sub { $_[0] ne ($flag{service} // '') ? undef : $delay >= 0 && time - $began >= $delay ? 2 : $wanted };
  my $control = sub {
    my ($request) = @_;
    kill USR1 => $self if $request->{path} eq '/make-serving';
    kill USR2 => $self if $request->{path} eq '/make-not-serving';
    return (200, 'ok');
  };
  serve(tcp => [
    [listen_tcp($flag{port} // 5000), sub { speak_grpc($_[0], $status) }],
    [listen_tcp($flag{'http-port'} // 8080), sub { speak_http(@_, $control) }],
  ]);
}
`;
