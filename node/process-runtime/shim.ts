// The program that stands between the agent and one container, in Perl, because perl-base is on every Debian machine, starts
// in 5 ms and costs little: it makes the container's namespaces and root, waits for its end and writes its log. It outlives the
// agent, so that an agent that was killed finds its containers, and their exit codes, again. When the shim itself dies,
// the kernel kills the container (PR_SET_PDEATHSIG).
//
// Orders come on descriptor 3: records of three fields, each field ended by a zero byte, so that no value needs quoting
// (orders.ts writes them). `shim.pl run` says `started PID` or `error TEXT` on its standard output; `shim.pl enter` runs
// one command in a running container and ends with that command's exit code.
// It keeps two files, each there whole or not at all: STATE.run and STATE.exit (state-files.ts reads them).

export const SHIM = String.raw`#!/usr/bin/perl
use strict;
use constant { RDONLY => 1, NOSUID => 2, NODEV => 4, NOEXEC => 8, REMOUNT => 32, BIND => 4096, REC => 16384, PRIVATE => 1 << 18 };
use constant { NEWNS => 0x20000, NEWUTS => 0x4000000, NEWIPC => 0x8000000, NEWPID => 0x20000000, NEWNET => 0x40000000 };
use constant { DETACH => 2, SET_PDEATHSIG => 1, CAPBSET_DROP => 24, SIGKILL => 9, SIGTERM => 15 };

# What a container may do: the capabilities that Docker and containerd leave it, by number.
my %kept = map { $_ => 1 } 0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31;

my (%number, %order, %env, @argv, @root);

sub read_orders {
  local $/;
  open my $orders, '<&=', 3 or die "no orders: $!\n";
  my @fields = split /\0/, scalar <$orders>, -1;
  while (@fields >= 3) {
    my ($key, $first, $second) = splice @fields, 0, 3;
    if ($key eq 'syscall') { $number{$first} = 0 + $second }
    elsif ($key eq 'env') { $env{$first} = $second }
    elsif ($key eq 'arg') { push @argv, $first }
    elsif ($key =~ /^(?:dir|bind|device|link|file)$/) { push @root, [$key, $first, $second] }
    else { $order{$key} = $first }
  }
}

# The kernel may write through a string it is given, so that perl refuses literals: arguments are copies.
sub system_call { my ($name, @arguments) = @_; return syscall($number{$name}, @arguments) != -1 }
sub must { my ($name, @arguments) = @_; system_call($name, @arguments) or die "$name: $!\n" }
sub mount { my ($from, $to, $type, $flags, $options) = @_; must('mount', $from, $to, $type, $flags, $options // 0) }
sub bind_read_only {
  my ($from, $to) = @_;
  mount($from, $to, 'none', BIND | REC);
  mount('none', $to, 'none', BIND | REMOUNT | RDONLY | NOSUID | NODEV);
}

sub write_file {
  my ($path, $text) = @_;
  open my $file, '>', $path or die "$path: $!\n";
  print $file $text;
  close $file or die "$path: $!\n";
}
sub write_whole { my ($path, $text) = @_; write_file("$path.new", $text); rename "$path.new", $path or die "$path: $!\n" }

# Seconds and nanoseconds since the epoch.
sub now {
  my $time = "\0" x 16;
  syscall($number{clock_gettime}, 0, $time);
  return unpack 'qq', $time;
}
sub milliseconds { my ($seconds, $nanoseconds) = now(); return $seconds * 1000 + int($nanoseconds / 1e6) }
sub timestamp {
  my ($seconds, $nanoseconds) = now();
  my @part = gmtime $seconds;
  return sprintf '%d-%02d-%02dT%02d:%02d:%02d.%09dZ', $part[5] + 1900, $part[4] + 1, @part[3, 2, 1, 0], $nanoseconds;
}

# Field 22 of /proc/PID/stat; with the pid it names a process for good. The command before it may hold spaces and brackets.
sub start_time {
  my ($pid) = @_;
  open my $file, '<', "/proc/$pid/stat" or return 0;
  my $stat = <$file>;
  $stat =~ s/^.*\)//s;
  return (split ' ', $stat)[19];
}

sub drop_capabilities { for (0 .. 40) { system_call('prctl', CAPBSET_DROP, $_, 0, 0, 0) unless $kept{$_} } }

sub enter_directory {
  my $directory = $order{workdir} || '/';
  return if chdir $directory;
  my $path = '';
  for (grep { length } split m{/}, $directory) { $path .= "/$_"; mkdir $path, 0755 }
  chdir $directory or die "working directory $directory: $!\n";
}

sub execute {
  drop_capabilities();
  enter_directory();
  %ENV = %env;
  $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE CHLD);
  exec { $argv[0] } @argv;
  die qq(exec: "$argv[0]": ) . ($argv[0] =~ m{/} ? lcfirst $! : 'executable file not found in $PATH') . "\n";
}

# ---------------------------------------------------------------- run

sub make_root {
  my $root = $order{root};
  mount('none', '/', 'none', REC | PRIVATE);
  mount('tmpfs', $root, 'tmpfs', NOSUID | NODEV, 'mode=755');
  for (@root) {
    my ($kind, $first, $second) = @$_;
    my $path = $root . ($kind eq 'dir' || $kind eq 'file' ? $first : $second);
    if ($kind eq 'dir') { mkdir $path or die "$path: $!\n"; chmod oct $second, $path }
    elsif ($kind eq 'link') { symlink $first, $path or die "$path: $!\n" }
    elsif ($kind eq 'file') { write_file($path, $second); chmod 0644, $path }
    elsif ($kind eq 'device') { write_file($path, ''); eval { mount($first, $path, 'none', BIND); 1 } or unlink $path }
    else { -e $path or (-d $first ? mkdir $path : write_file($path, '')); bind_read_only($first, $path) }
  }
  # Where parts of the outer /proc are covered (inside Docker) the kernel refuses a new one: the outer one must do then.
  eval { mount('proc', "$root/proc", 'proc', NOSUID | NODEV | NOEXEC); 1 }
    or mount('/proc', "$root/proc", 'none', BIND | REC);
  if (eval { mount('devpts', "$root/dev/pts", 'devpts', NOSUID | NOEXEC, 'newinstance,ptmxmode=0666,mode=0620'); 1 }) {
    symlink 'pts/ptmx', "$root/dev/ptmx";
  }
  # pivot_root(".", ".") stacks the old root on the new one, from where it is let go (pivot_root(2), NOTES).
  chdir $root or die "$root: $!\n";
  must('pivot_root', '.', '.');
  must('umount2', '.', DETACH);
  chdir '/';
}

sub become_container {
  my ($network) = @_;
  must('prctl', SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  must('setns', fileno $network, NEWNET) if $network;
  must('unshare', NEWNS | NEWUTS | NEWIPC);
  must('sethostname', $order{hostname}, length $order{hostname});
  make_root();
  execute();
}

sub start_container {
  my ($out, $err, $trouble) = @_;
  my $network;
  if ($order{netns}) { open $network, '<', $order{netns} or die "$order{netns}: $!\n" }
  must('unshare', NEWPID);
  my $pid = fork;
  die "fork: $!\n" unless defined $pid;
  return $pid if $pid;
  open STDIN, '<', '/dev/null';
  open STDOUT, '>&', $out;
  open STDERR, '>&', $err;
  umask 022;
  eval { become_container($network) };
  syswrite $trouble, $@;
  syscall($number{exit_group}, 127);
}

my ($log, $logged) = (undef, 0);
sub open_log {
  open $log, '>>', $order{log} or die "$order{log}: $!\n";
  $logged = -s $log;
}
sub write_log {
  my ($stream, $tag, $text) = @_;
  my $line = timestamp() . " $stream $tag $text\n";
  $logged += syswrite($log, $line) // 0;
  return if $logged < $order{logsize};
  rename $order{log}, "$order{log}.1";
  open_log();
}

# Copies what the container says into the log, line by line, until it and all its processes are gone. A line longer than
# 16 KiB is written in parts, as container runtimes do.
sub follow_output {
  my %of = map { fileno $_->[1] => { stream => $_->[0], handle => $_->[1], rest => '' } } @_;
  while (%of) {
    my $readable = '';
    vec($readable, $_, 1) = 1 for keys %of;
    select($readable, undef, undef, undef) > 0 or next;
    for (grep { vec $readable, $_, 1 } keys %of) {
      my $one = $of{$_};
      my $read = sysread $one->{handle}, $one->{rest}, 16384, length $one->{rest};
      write_log($one->{stream}, 'F', $1) while $one->{rest} =~ s/\A([^\n]{0,16384})\n//;
      write_log($one->{stream}, 'P', $1) while $one->{rest} =~ s/\A([^\n]{16384})//;
      next if $read;
      write_log($one->{stream}, 'F', $one->{rest}) if length $one->{rest};
      delete $of{$_};
    }
  }
}

# Once: then we let go of the agent's pipes, which must not outlive it in us.
sub say_to_agent {
  my ($text) = @_;
  syswrite STDOUT, "$text\n";
  open $_, '>', '/dev/null' for *STDOUT, *STDERR;
}

sub run {
  my $state = $order{state};
  $SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
  # O_EXCL: two agents can never run the same container.
  sysopen my $claim, "$state.run", 0301 or die "$state.run: $!\n";
  syswrite $claim, "shim $$ " . start_time($$) . "\n";
  open_log();
  pipe my $out, my $out_end;
  pipe my $err, my $err_end;
  pipe my $trouble, my $trouble_end;
  my $pid = eval { start_container($out_end, $err_end, $trouble_end) };
  my $failure = $@;
  close $_ for $out_end, $err_end, $trouble_end;
  # The pipe ends without a word when the program has been executed.
  $failure ||= do { local $/; <$trouble> };
  if ($failure) {
    waitpid $pid, 0 if $pid;
    unlink "$state.run";
    die $failure;
  }
  my $started = milliseconds();
  write_whole("$state.run", "shim $$ " . start_time($$) . "\ninit $pid " . start_time($pid) . "\nstarted $started\nlog $order{log}\n");
  # A program that tells when it is up has started then, or when a second has passed.
  if ($order{announces}) { my $speaks = ''; vec($speaks, fileno $out, 1) = 1; select $speaks, undef, undef, 1 }
  say_to_agent("started $pid");
  follow_output(['stdout', $out], ['stderr', $err]);
  waitpid $pid, 0;
  write_whole("$state.exit", 'code ' . ($? & 127 ? 128 + ($? & 127) : $? >> 8) . "\nsignal " . ($? & 127) . "\nfinished " . milliseconds() . "\n");
}

# ---------------------------------------------------------------- enter

sub enter {
  must('prctl', SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  my @spaces = map { open my $file, '<', "/proc/$order{pid}/ns/$_" or die "container is not running\n"; $file } qw(ipc uts net pid mnt);
  must('setns', fileno $_, 0) for @spaces;
  my $pid = fork;
  die "fork: $!\n" unless defined $pid;
  if (!$pid) {
    must('prctl', SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    eval { execute() };
    print STDERR $@;
    syscall($number{exit_group}, 126);
  }
  # Whoever enters a container must see its command off: a dead process that nobody waits for would keep the container's
  # namespace, and so the container, from ever ending.
  my $late;
  $SIG{$_} = sub { $late = 1; kill 'KILL', $pid } for qw(ALRM TERM);
  syscall($number{setitimer}, 0, my $limit = pack('q4', 0, 0, int($order{timeout} / 1000), $order{timeout} % 1000 * 1000), 0);
  1 until waitpid($pid, 0) == $pid;
  exit 124 if $late;
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}

read_orders();
if ($ARGV[0] eq 'enter') { enter() }
eval { run(); 1 } or do { my $text = $@; chomp $text; say_to_agent("error $text"); exit 1 };
`;
