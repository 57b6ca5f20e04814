// The part of the shim (shim.ts) that serves people: `shim.pl session` runs one command in a container with pipes or with a
// terminal of its own, `shim.pl dial` connects to a port inside a pod's network.
//
// A session says `pipes IN OUT ERR` (descriptors of its own, - for none), which the agent opens by /proc/PID/fd: real pipes, as
// every program expects of its standard input and output, and no byte of them passes through perl. With a terminal perl
// stands between the terminal's master end and those pipes. The agent says `go` on descriptor 4 when it has opened them,
// and later `size ROWS COLUMNS`. Then the session says `started PID` or `error TEXT`, and ends with the command's exit code.
// It ends the command, and all of its process group, when it gets SIGTERM or descriptor 4 ends: nobody is there any more.

export const SESSION = String.raw`
use constant { SETFD => 2, GETFL => 3, SETFL => 4, NONBLOCK => 04000, EINTR => 4, EIO => 5, EAGAIN => 11 };
use constant { TIOCSCTTY => 0x540e, TIOCSWINSZ => 0x5414, TIOCSPTLCK => 0x40045431, TIOCGPTN => 0x80045430 };

sub never_wait { my ($handle) = @_; fcntl $handle, SETFL, NONBLOCK | fcntl $handle, GETFL, 0 }
sub is_transient { return $! == EAGAIN || $! == EINTR }

# Opens a new terminal: its master end and the path of its other end.
sub open_terminal {
  sysopen my $master, '/dev/ptmx', 2 | 0400 or die "/dev/ptmx: $!\n";
  ioctl $master, TIOCSPTLCK, my $unlock = pack 'i', 0 or die "unlockpt: $!\n";
  my $number = pack 'I', 0;
  ioctl $master, TIOCGPTN, $number or die "ptsname: $!\n";
  return $master, '/dev/pts/' . unpack 'I', $number;
}

sub set_size { my ($master, $rows, $columns) = @_; ioctl $master, TIOCSWINSZ, my $size = pack 'S4', $rows, $columns, 0, 0 }

# For the child: the terminal becomes its own, and its standard input and output.
sub take_terminal {
  my ($path) = @_;
  must('setsid');
  sysopen my $terminal, $path, 2 or die "$path: $!\n";
  ioctl $terminal, TIOCSCTTY, 0 or die "TIOCSCTTY: $!\n";
  open STDIN, '<&', $terminal;
  open STDOUT, '>&', $terminal;
  open STDERR, '>&', $terminal;
}

sub exit_code { return $? & 127 ? 128 + ($? & 127) : $? >> 8 }

# Passes bytes between pairs of handles { from, to } until every pair is over: its source has ended, or either end broke. 'finish'
# is called then. 'also' is a handle more that is watched, and served until 'serve' says no.
sub relay {
  my ($also, @pairs) = @_;
  $_->{text} = '' for @pairs;
  while (@pairs) {
    my ($readable, $writable) = ('', '');
    for (@pairs) { length $_->{text} ? (vec($writable, fileno $_->{to}, 1) = 1) : (vec($readable, fileno $_->{from}, 1) = 1) }
    vec($readable, fileno $also->{handle}, 1) = 1 if $also;
    if (select($readable, $writable, undef, undef) < 0) { $! == EINTR or return; next }
    for (@pairs) {
      my $moved = 1;
      if (!length $_->{text}) { $moved = sysread $_->{from}, $_->{text}, 65536 if vec $readable, fileno $_->{from}, 1 }
      elsif (vec $writable, fileno $_->{to}, 1) {
        $moved = syswrite $_->{to}, $_->{text};
        substr $_->{text}, 0, $moved, '' if $moved;
      }
      $_->{over} = 1 unless $moved || !defined $moved && is_transient();
    }
    undef $also if $also && vec($readable, fileno $also->{handle}, 1) && !$also->{serve}->();
    for (grep { $_->{over} } @pairs) { $_->{finish}->() or return }
    @pairs = grep { !$_->{over} } @pairs;
  }
}

sub session {
  must('prctl', SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  $SIG{PIPE} = 'IGNORE';
  $| = 1;
  open my $control, '<&=', 4 or die "no control: $!\n";
  fcntl $control, SETFD, 1;
  enter_namespaces();
  my ($master, $path) = $order{tty} ? open_terminal() : ();
  set_size($master, split /x/, $order{size}) if $master && $order{size};
  $env{TERM} = 'xterm' if $order{tty} && !defined $env{TERM};
  my ($in, $in_end, $out, $out_end, $err, $err_end);
  pipe $in, $in_end if $order{stdin};
  pipe $out, $out_end;
  pipe $err, $err_end unless $order{tty};
  pipe my $trouble, my $trouble_end;
  my $pid = fork;
  die "fork: $!\n" unless defined $pid;
  if (!$pid) {
    eval {
      must('prctl', SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      if ($order{tty}) { take_terminal($path) }
      else {
        must('setsid');
        open STDIN, $in ? '<&' : '<', $in || '/dev/null';
        open STDOUT, '>&', $out_end;
        open STDERR, '>&', $err_end;
      }
      execute();
    };
    syswrite $trouble_end, $@;
    syscall($number{exit_group}, 127);
  }
  my $over;
  my $end = sub { $over = 1; kill 'KILL', -$pid, $pid };
  $SIG{TERM} = $end;
  close $trouble_end;
  close $_ for grep { $_ } $order{tty} ? () : ($out_end, $err_end);
  print 'pipes ', join(' ', map { $_ ? fileno $_ : '-' } $in_end, $out, $err), "\n";
  my $failure = do { local $/; <$trouble> };
  my $said = '';
  1 while $said !~ /\n/ && (sysread($control, $said, 64, length $said) || ($! == EINTR && !$over));
  # Only now: a pipe that nobody could read any more could not be opened for writing.
  close $_ for grep { $_ } $in_end, $out, $err, $order{tty} ? () : $in;
  if ($failure) { waitpid $pid, 0; chomp $failure; print "error $failure\n"; exit 126 }
  print "started $pid\n";
  if ($said !~ s/^go\n//) { $end->() }
  elsif ($order{tty}) { serve_terminal($master, $in, $out_end, $control, $said) }
  1 until waitpid($pid, 0) == $pid;
  exit exit_code();
}

# Until the terminal has hung up, which it does when the command has ended.
sub serve_terminal {
  my ($master, $in, $out, $control, $said) = @_;
  never_wait($_) for grep { $_ } $master, $in, $out, $control;
  my $resize = sub {
    my $read = sysread $control, $said, 256, length $said;
    set_size($master, $1, $2) while $said =~ s/^size (\d+) (\d+)\n//;
    return $read || !defined $read && is_transient();
  };
  my @input = $in ? { from => $in, to => $master, finish => sub { 1 } } : ();
  relay({ handle => $control, serve => $resize }, { from => $master, to => $out, finish => sub { 0 } }, @input);
  close $_ for grep { $_ } $master, $in, $out;
}

# Standard input and output become a connection to a port of the network; 'connected', or why not, is said on standard error.
sub dial {
  must('prctl', SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  $SIG{PIPE} = 'IGNORE';
  if ($order{netns}) {
    open my $network, '<', $order{netns} or die "$order{netns}: $!\n";
    must('setns', fileno $network, NEWNET);
  }
  socket my $socket, 2, 1, 0 or die "socket: $!\n";
  if (!connect $socket, pack 'S n a4 x8', 2, $order{port}, "\x7f\0\0\1") {
    my $why = lcfirst $!;
    socket $socket, 10, 1, 0 or die "dial tcp4 127.0.0.1:$order{port}: connect: $why\n";
    connect $socket, pack 'S n N a16 N', 10, $order{port}, 0, "\0" x 15 . "\1", 0
      or die "IPv4: dial tcp4 127.0.0.1:$order{port}: connect: $why IPv6: dial tcp6 [::1]:$order{port}: connect: " . lcfirst($!) . "\n";
  }
  setsockopt $socket, 6, 1, 1; # TCP_NODELAY
  syswrite STDERR, "connected\n";
  never_wait($_) for *STDIN, *STDOUT, $socket;
  relay(
    undef,
    { from => *STDIN, to => $socket, finish => sub { shutdown $socket, 1; 1 } },
    { from => $socket, to => *STDOUT, finish => sub { close STDOUT; 1 } },
  );
}
`;
