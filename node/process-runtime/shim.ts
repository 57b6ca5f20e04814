// The program that stands between the agent and one container, in Perl, because perl-base is on every Debian machine, starts
// in 5 ms and costs little: it makes the container's namespaces and root, waits for its end and writes its log. It outlives the
// agent, so that an agent that was killed finds its containers, and their exit codes, again. When the shim itself dies,
// the kernel kills the container (PR_SET_PDEATHSIG).
//
// Orders come on descriptor 3: records of three fields, each field ended by a zero byte, so that no value needs quoting
// (orders.ts writes them). `shim.pl run` says `started PID` or `error TEXT` on its standard output; `shim.pl enter` runs
// one command in a running container and ends with that command's exit code.
// It keeps two files, each there whole or not at all: STATE.run and STATE.exit (state-files.ts reads them).

import { ATTACH, FRAME } from './shim-attach.ts';
import { LOG } from './shim-log.ts';
import { SESSION } from './shim-session.ts';

export const SHIM = String.raw`#!/usr/bin/perl
use strict;
use constant { RDONLY => 1, NOSUID => 2, NODEV => 4, NOEXEC => 8, REMOUNT => 32, BIND => 4096, REC => 16384, PRIVATE => 1 << 18 };
use constant { NEWNS => 0x20000, NEWUTS => 0x4000000, NEWIPC => 0x8000000, NEWPID => 0x20000000, NEWNET => 0x40000000 };
use constant { NEWUSER => 0x10000000, NO_NEW_PRIVS => 38 };
use constant { DETACH => 2, SET_PDEATHSIG => 1, CAPBSET_DROP => 24, SIGKILL => 9, SIGTERM => 15 };

my (%number, %order, %env, %sysctl, @argv, @root, @cgroups);

sub read_orders {
  local $/;
  open my $orders, '<&=', 3 or die "no orders: $!\n";
  my @fields = split /\0/, scalar <$orders>, -1;
  while (@fields >= 3) {
    my ($key, $first, $second) = splice @fields, 0, 3;
    if ($key eq 'syscall') { $number{$first} = 0 + $second }
    elsif ($key eq 'env') { $env{$first} = $second }
    elsif ($key eq 'sysctl') { $sysctl{$first} = $second }
    elsif ($key eq 'arg') { push @argv, $first }
    elsif ($key eq 'cgroup') { push @cgroups, $first }
    elsif ($key =~ /^(?:dir|bind|mount|device|link|file)$/) { push @root, [$key, $first, $second] }
    else { $order{$key} = $first }
  }
}

# The kernel may write through a string it is given, so that perl refuses literals: arguments are copies.
sub system_call { my ($name, @arguments) = @_; return syscall($number{$name}, @arguments) != -1 }
sub must { my ($name, @arguments) = @_; system_call($name, @arguments) or die "$name: $!\n" }
sub mount { my ($from, $to, $type, $flags, $options) = @_; must('mount', $from, $to, $type, $flags, $options // 0) }
# What the machine has mounted noexec must stay so.
sub remount_read_only {
  my ($path) = @_;
  eval { mount('none', $path, 'none', BIND | REMOUNT | RDONLY | NOSUID | NODEV); 1 }
    or mount('none', $path, 'none', BIND | REMOUNT | RDONLY | NOSUID | NODEV | NOEXEC);
}
sub bind_mount { my ($from, $to) = @_; mount($from, $to, 'none', BIND | REC) }
sub bind_read_only { my ($from, $to) = @_; bind_mount($from, $to); remount_read_only($to) }

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

sub drop_capabilities {
  my %kept = map { $_ => 1 } split /,/, $order{keep} // '';
  for (0 .. 40) { system_call('prctl', CAPBSET_DROP, $_, 0, 0, 0) unless $kept{$_} }
}

# The lab has no user but its own. Another one is its own by another name: a user namespace in which it has that number, and
# no power over anything but itself.
sub become_user {
  return unless defined $order{uid} || defined $order{gid};
  my ($uid, $gid) = ($order{uid} // 0, $order{gid} // 0);
  my @maps = (['setgroups', 'deny'], ['uid_map', "$uid $> 1"], ['gid_map', "$gid " . (0 + $)) . ' 1']);
  must('unshare', NEWUSER);
  for (@maps) {
    my ($file, $text) = @$_;
    open my $map, '>', "/proc/self/$file" or die "/proc/self/$file: $!\n";
    defined syswrite $map, $text or die "/proc/self/$file: $!\n";
  }
  must('prctl', SET_PDEATHSIG, SIGKILL, 0, 0, 0); # new credentials may have lost it
}

# A command in a container may do what the container's first process may.
sub confine_like {
  my ($pid) = @_;
  open my $file, '<', "/proc/$pid/status" or die "container is not running\n";
  my %status = map { /^(\w+):\s*(\S+)/ ? ($1 => $2) : () } <$file>;
  my $bounds = hex $status{CapBnd};
  $order{keep} = join ',', grep { $bounds >> $_ & 1 } 0 .. 40;
  $order{nonew} = 1 if $status{NoNewPrivs};
}

sub enter_directory {
  my $directory = $order{workdir} || '/';
  return if chdir $directory;
  my $path = '';
  for (grep { length } split m{/}, $directory) { $path .= "/$_"; mkdir $path, 0755 }
  chdir $directory or die "working directory $directory: $!\n";
}

sub execute {
  become_user(); # has all capabilities in its own namespace, until they are dropped
  drop_capabilities();
  must('prctl', NO_NEW_PRIVS, 1, 0, 0, 0) if $order{nonew};
  enter_directory();
  %ENV = %env;
  $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE CHLD);
  exec { $argv[0] } @argv;
  die qq(exec: "$argv[0]": ) . ($argv[0] =~ m{/} ? lcfirst $! : 'executable file not found in $PATH') . "\n";
}

${SESSION}
# ---------------------------------------------------------------- run

# Mounts an overlay at $path: what is in $lower, and writable. What is written lives in memory, as long as the container.
my $layers = 0;
sub mount_over {
  my ($lower, $path) = @_;
  my $layer = "$order{root}/layer" . $layers++;
  for ($layer, "$layer/upper", "$layer/work") { mkdir $_ or die "$_: $!\n" }
  chmod 0755, "$layer/upper";
  my $options = "lowerdir=$lower,upperdir=$layer/upper,workdir=$layer/work";
  eval { mount('overlay', $path, 'overlay', NOSUID | NODEV, "$options,userxattr"); 1 }
    or mount('overlay', $path, 'overlay', NOSUID | NODEV, $options);
}

# Makes what is missing on the way to $path below the container's root and returns where it is. An image's links are followed as
# the container would, so that they never lead outside.
sub inside {
  my ($root, $path, $is_folder) = @_;
  my @rest = grep { length && $_ ne '.' } split m{/}, $path;
  my ($at, $links) = ('', 0);
  while (defined(my $name = shift @rest)) {
    if ($name eq '..') { $at =~ s{/[^/]*$}{}; next }
    my $next = "$root$at/$name";
    if (-l $next) {
      die "$path: too many links\n" if ++$links > 40;
      my $target = readlink $next;
      $at = '' if $target =~ m{^/};
      unshift @rest, grep { length && $_ ne '.' } split m{/}, $target;
      next;
    }
    if (!-e $next) {
      my $made = sub { (@rest || $is_folder) ? mkdir $next, 0755 : eval { write_file($next, ''); 1 } };
      $made->() or open_up($root, $at) && $made->() or die "$path: $!\n";
    }
    $at .= "/$name";
  }
  return "$root$at";
}

# A mount point inside what the machine shows of itself read-only: the folder becomes writable, in the container alone.
my %bound;
sub open_up {
  my ($root, $at) = @_;
  for (my $folder = $at; length $folder; $folder =~ s{/[^/]*$}{}) {
    next unless $bound{$folder};
    mount_over($bound{$folder}, "$root$folder");
    return delete $bound{$folder};
  }
  return;
}

sub make_root {
  my $root = "$order{root}/root";
  mount('none', '/', 'none', REC | PRIVATE);
  mount('tmpfs', $order{root}, 'tmpfs', NOSUID | NODEV, 'mode=755');
  mkdir $root or die "$root: $!\n";
  chmod 0755, $root;
  if (defined $order{base}) { mount_over($order{base}, $root) } else { bind_mount($root, $root) }
  for (@root) {
    my ($kind, $first, $second) = @$_;
    my $path = $root . ($kind eq 'dir' || $kind eq 'file' ? $first : $second);
    if ($kind eq 'dir') { my $there = -d $path; $path = inside($root, $first, 1); chmod oct $second, $path unless $there }
    elsif ($kind eq 'link') { inside($root, $second =~ s{/[^/]*$}{}r, 1); -l $path || -e $path || symlink $first, $path or die "$path: $!\n" }
    elsif ($kind eq 'file') { $path = inside($root, $first, 0); write_file($path, $second); chmod 0644, $path }
    elsif ($kind eq 'device') { $path = inside($root, $second, 0); eval { mount($first, $path, 'none', BIND); 1 } or unlink $path }
    elsif ($kind eq 'mount') { bind_mount($first, inside($root, $second, -d $first)) }
    else { $bound{$second} = $first; bind_read_only($first, inside($root, $second, -d $first)) }
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
  mount('tmpfs', '/dev/shm', 'tmpfs', NOSUID | NODEV, 'mode=1777');
  remount_read_only('/') if $order{readonly};
}

# 0 is whoever writes, in whatever pid namespace.
sub join_cgroups {
  for (@cgroups) {
    open my $file, '>', "$_/cgroup.procs" or die "$_: $!\n";
    defined syswrite $file, '0' or die "$_: $!\n";
  }
}

sub become_container {
  my ($network, $ready, $number, $space) = @_;
  must('prctl', SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  join_cgroups();
  if ($network) {
    must('setns', fileno $network, NEWNET);
    # In a pod's own network every user may serve low ports and send pings, as with container runtimes.
    eval { write_file("/proc/sys/net/ipv4/$_->[0]", $_->[1]) } for ['ip_unprivileged_port_start', '0'], ['ping_group_range', '0 0'];
  }
  must('unshare', NEWNS | NEWUTS | NEWIPC);
  syswrite $space, readlink '/proc/self/ns/mnt';
  for (keys %sysctl) { eval { write_file($_, $sysctl{$_}); 1 } or die "sysctl $@" }
  must('sethostname', $order{hostname}, length $order{hostname});
  make_root();
  if ($order{tty}) {
    syswrite $ready, 'r';
    sysread $number, my $index, 16 or die "no terminal\n";
    take_terminal('/dev/pts/' . int $index);
  }
  execute();
}

sub start_container {
  my ($in, $out, $err, $trouble, $ready, $number, $space) = @_;
  my $network;
  if ($order{netns}) { open $network, '<', $order{netns} or die "$order{netns}: $!\n" }
  if ($order{pidns}) {
    open my $processes, '<', "/proc/$order{pidns}/ns/pid" or die "the target container is not running\n";
    must('setns', fileno $processes, NEWPID);
  } else { must('unshare', NEWPID) }
  my $pid = fork;
  die "fork: $!\n" unless defined $pid;
  return $pid if $pid;
  open STDIN, $in ? '<&' : '<', $in || '/dev/null';
  open STDOUT, '>&', $out;
  open STDERR, '>&', $err;
  umask 022;
  eval { become_container($network, $ready, $number, $space) };
  syswrite $trouble, $@;
  syscall($number{exit_group}, 127);
}

${ATTACH}
${LOG}
# Once: then we let go of the agent's pipes, which must not outlive it in us.
sub say_to_agent {
  my ($text) = @_;
  syswrite STDOUT, "$text\n";
  open $_, '>', '/dev/null' for *STDOUT, *STDERR;
}

# Among others' processes the end of the first one does not end its children: they are known by the container's mount namespace.
sub end_others {
  my ($space) = @_;
  return unless length $space;
  while (1) {
    my @left = grep { (readlink("/proc/$_/ns/mnt") // '') eq $space } map { m{(\d+)$} } glob '/proc/[0-9]*' or return;
    kill 'KILL', @left;
    select undef, undef, undef, 0.005;
  }
}

# Files to be taken back when the container does not start.
my @claimed;

sub run {
  my $state = $order{state};
  $SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);
  # O_EXCL: two agents can never run the same container.
  sysopen my $claim, "$state.run", 0301 or die "$state.run: $!\n";
  @claimed = ("$state.run", "$state.run.new", "$state.exit.new", $order{attach} // ());
  syswrite $claim, "shim $$ " . start_time($$) . "\n";
  write_file("$state.exit.new", "\n" x 128); # room for how it ends, should the disk be full by then
  open_log($order{log}) or die "$order{log}: $!\n";
  listen_for_clients();
  my ($in, $in_end);
  pipe $in, $in_end if $order{stdin} && !$order{tty};
  pipe my $out, my $out_end;
  pipe my $err, my $err_end;
  pipe my $trouble, my $trouble_end;
  pipe my $ready, my $ready_end;
  pipe my $number, my $number_end;
  pipe my $told, my $space_end;
  $env{TERM} = 'xterm' if $order{tty} && !defined $env{TERM};
  my $pid = eval { start_container($in, $out_end, $err_end, $trouble_end, $ready_end, $number, $space_end) };
  my $failure = $@;
  close $_ for grep { $_ } $in, $out_end, $err_end, $trouble_end, $ready_end, $number, $space_end;
  my $terminal = $order{tty} && !$failure ? eval { open_container_terminal($pid, $ready, $number_end) } : undef;
  $failure ||= $@;
  close $_ for $ready, $number_end;
  # The pipe ends without a word when the program has been executed.
  $failure ||= do { local $/; <$trouble> };
  if ($failure) {
    waitpid $pid, 0 if $pid;
    die $failure;
  }
  # Told by the container itself: when it has ended by now, nobody else could.
  my $space = do { local $/; <$told> } // '';
  my $started = milliseconds();
  write_whole("$state.run", "shim $$ " . start_time($$) . "\ninit $pid " . start_time($pid) . "\nstarted $started\nlog $order{log}\n" . ($order{memory} ? "memory $order{memory}\n" : ''));
  # A program that tells when it is up has started then, or when a second has passed.
  if ($order{announces}) { my $speaks = ''; vec($speaks, fileno $out, 1) = 1; select $speaks, undef, undef, 1 }
  say_to_agent("started $pid");
  @claimed = ();
  if ($order{pidns}) {
    $SIG{CHLD} = sub { }; # wakes us
    $each_turn = sub { end_others($space) unless defined readlink "/proc/$pid/ns/mnt" };
  }
  follow_output($terminal || $in_end, $terminal ? [${FRAME.output}, 'stdout', $terminal] : ([${FRAME.output}, 'stdout', $out], [${FRAME.error}, 'stderr', $err]));
  waitpid $pid, 0;
  open my $exit, '+<', "$state.exit.new" or die "$state.exit.new: $!\n";
  syswrite $exit, 'code ' . ($? & 127 ? 128 + ($? & 127) : $? >> 8) . "\nsignal " . ($? & 127) . "\nfinished " . milliseconds() . "\n";
  rename "$state.exit.new", "$state.exit" or die "$state.exit: $!\n";
  part_from_clients();
}

# ---------------------------------------------------------------- enter

sub enter_namespaces {
  my @spaces = map { open my $file, '<', "/proc/$order{pid}/ns/$_" or die "container is not running\n"; $file } qw(ipc uts net pid mnt);
  confine_like($order{pid});
  # Last, for with another user's namespace goes the power to enter the others.
  my $user = "/proc/$order{pid}/ns/user";
  if (readlink $user ne readlink '/proc/self/ns/user') {
    open my $file, '<', $user or die "container is not running\n";
    push @spaces, $file;
  }
  must('setns', fileno $_, 0) for @spaces;
}

sub enter {
  must('prctl', SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  enter_namespaces();
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
if ($ARGV[0] eq 'dial') { dial(); exit 0 }
if ($ARGV[0] eq 'session') { eval { session(); 1 } or do { print "error $@"; exit 126 } }
eval { run(); 1 } or do { my $text = $@; chomp $text; unlink @claimed; say_to_agent("error $text"); exit 1 };
`;
