// The part of the shim (shim.ts) that people talk to a container's first process through: what the process says goes into the log and
// to whoever is attached, what they type goes to its standard input. The shim listens on a unix socket, because it outlives agents.
//
// On the socket both sides send frames: one byte that says what it is, the length (32 bits), the contents (attach.ts is the other side).

/** What a frame is. */
export const FRAME = { input: 0, output: 1, error: 2, inputEnd: 3, size: 4 } as const;

export const ATTACH = String.raw`
# Bytes that may wait for a slow client before the container has to wait, too; and for a container that does not read.
my $HIGH_WATER = 1 << 18;

my $listener;
sub listen_for_clients {
  my ($folder, $name) = ($order{attach} // '') =~ m{^(.*)/([^/]+)$} or return;
  # By its short name: a socket's address holds no more than 107 bytes.
  chdir $folder or die "$folder: $!\n";
  unlink $name;
  socket $listener, 1, 1, 0 or die "socket: $!\n";
  bind $listener, pack 'S a*', 1, "$name\0" or die "$order{attach}: $!\n";
  listen $listener, 64 or die "$order{attach}: $!\n";
  never_wait($listener);
  chdir '/';
}

# The terminal of a container's own /dev/pts: opened from outside when its root stands, taken by the container from inside.
sub open_container_terminal {
  my ($pid, $ready, $number) = @_;
  return unless sysread $ready, my $stands, 1;
  sysopen my $master, "/proc/$pid/root/dev/pts/ptmx", 2 | 0400 or die "/dev/pts/ptmx: $!\n";
  ioctl $master, TIOCSPTLCK, my $unlock = pack 'i', 0 or die "unlockpt: $!\n";
  my $index = pack 'I', 0;
  ioctl $master, TIOCGPTN, $index or die "ptsname: $!\n";
  syswrite $number, unpack('I', $index) . "\n";
  never_wait($master);
  return $master;
}

# Whoever is attached, by descriptor: { handle, in: what has come of a frame, out: what waits for it, speaks: it has sent input }.
my %client;
# What waits for the container to read it; whether its input ends then.
my ($input, $typed, $is_ending) = (undef, '', 0);

sub drop_client {
  my ($one) = @_;
  delete $client{fileno $one->{handle}};
  close $one->{handle};
  $is_ending = 1 if $one->{speaks} && $order{stdinonce};
}

sub hear_client {
  my ($one) = @_;
  my $read = sysread $one->{handle}, $one->{in}, 65536, length $one->{in};
  return drop_client($one) unless $read || !defined $read && is_transient();
  while (length $one->{in} >= 5) {
    my ($what, $length) = unpack 'C N', $one->{in};
    return drop_client($one) if $length > 1 << 20;
    last if length $one->{in} < 5 + $length;
    my $contents = substr $one->{in}, 5, $length;
    substr $one->{in}, 0, 5 + $length, '';
    if ($what == ${FRAME.input} && $input) { $typed .= $contents; $one->{speaks} = 1 }
    elsif ($what == ${FRAME.inputEnd} && $order{stdinonce}) { $is_ending = 1 }
    elsif ($what == ${FRAME.size} && $order{tty} && $contents =~ /^(\d+) (\d+)$/) { set_size($input, $1, $2) }
  }
}

sub tell_clients {
  my ($what, $text) = @_;
  my $frame = pack('C N', $what, length $text) . $text;
  $_->{out} .= $frame for values %client;
}

sub write_client {
  my ($one) = @_;
  my $written = syswrite $one->{handle}, $one->{out};
  if (defined $written) { substr $one->{out}, 0, $written, '' }
  elsif (!is_transient()) { drop_client($one) }
}

sub write_input {
  my $written = syswrite $input, $typed;
  if (defined $written) { substr $typed, 0, $written, '' }
  elsif (!is_transient()) { $typed = ''; $is_ending = 1 }
}

# Until the container and all its processes are gone. Sources are [what, stream, handle].
# What is to be looked at whenever something has happened, and at least every second.
my $each_turn;
sub follow_output {
  ($input, my @sources) = @_;
  my %of = map { fileno $_->[2] => { what => $_->[0], stream => $_->[1], handle => $_->[2], rest => '' } } @sources;
  never_wait($input) if $input;
  while (%of) {
    $each_turn->() if $each_turn;
    my ($readable, $writable) = ('', '');
    my $is_room_left = !grep { length $_->{out} > $HIGH_WATER } values %client;
    if ($is_room_left) { vec($readable, $_, 1) = 1 for keys %of }
    vec($readable, fileno $listener, 1) = 1 if $listener;
    for (values %client) {
      vec($readable, fileno $_->{handle}, 1) = 1 if length $typed < $HIGH_WATER;
      vec($writable, fileno $_->{handle}, 1) = 1 if length $_->{out};
    }
    vec($writable, fileno $input, 1) = 1 if length $typed;
    select($readable, $writable, undef, $each_turn ? 1 : undef) > 0 or next;
    if ($listener && vec $readable, fileno $listener, 1 and accept my $handle, $listener) {
      never_wait($handle);
      $client{fileno $handle} = { handle => $handle, in => '', out => '' };
    }
    for my $one (values %client) {
      my $number = fileno $one->{handle};
      write_client($one) if vec $writable, $number, 1;
      hear_client($one) if $client{$number} && vec $readable, $number, 1;
    }
    write_input() if length $typed && vec $writable, fileno $input, 1;
    for (grep { vec $readable, $_, 1 } sort { $a <=> $b } keys %of) { take_output($of{$_}) or delete $of{$_} }
    if ($is_ending && $input && !length $typed && !$order{tty}) { close $input; undef $input }
  }
}

# What the container said last still goes to those who listen.
sub part_from_clients {
  unlink $order{attach} if $listener;
  my $limit = time + 5;
  while ((my @slow = grep { length $_->{out} } values %client) && time < $limit) {
    my $writable = '';
    vec($writable, fileno $_->{handle}, 1) = 1 for @slow;
    select(undef, $writable, undef, 1);
    for (@slow) { write_client($_) if vec $writable, fileno $_->{handle}, 1 }
  }
}
`;
