// `nc` of the image `agnhost`, by which tests ask Services: upstream's image has one that speaks UDP, a machine may have none.

/** Perl, for agnhost-program.ts: `nc [-v] [-z] [-t|-u] [-w SECONDS] HOST PORT`. */
export const NETCAT = String.raw`
sub netcat {
  my (%is, $limit, @at);
  while (defined(my $word = shift @_)) {
    if ($word eq '-w') { $limit = shift @_ }
    elsif ($word =~ /^-(\w+)$/) { $is{$_} = 1 for split //, $1 }
    else { push @at, $word }
  }
  my ($host, $port) = @at;
  fail('usage: nc [-vztu] [-w SECONDS] HOST PORT') unless defined $port;
  my $handle = eval { dial($is{u} ? 'udp' : 'tcp', $host, $port, $limit || 75) };
  if (!$handle) {
    my %words = ("REFUSED\n" => 'Connection refused', "TIMEOUT\n" => 'timed out');
    fail("nc: $host:$port: " . ($words{$@} // $@ =~ s/^\w+: |\n//gr));
  }
  print STDERR "Connection to $host $port port succeeded!\n" if $is{v};
  return if $is{z};
  # Until the other side ends, or says nothing for so long once our own input has ended.
  my $is_typed = 0;
  while (1) {
    my $readable = '';
    vec($readable, fileno $handle, 1) = 1;
    vec($readable, fileno STDIN, 1) = 1 unless $is_typed;
    my $count = select $readable, undef, undef, $is_typed ? $limit : undef;
    next if $count < 0;
    return unless $count;
    if (!$is_typed && vec $readable, fileno STDIN, 1) {
      if (sysread STDIN, my $text, 65536) { syswrite $handle, $text } else { $is_typed = 1 }
    }
    if (vec $readable, fileno $handle, 1) {
      my $read = sysread $handle, my $text, 65536;
      exit(defined $read ? 0 : 1) unless $read;
      syswrite STDOUT, $text;
    }
  }
}
`;
