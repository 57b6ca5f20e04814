// The part of the shim (shim.ts) that writes what a container says into its log, as container runtimes do: a line is its time, its stream,
// F when it is whole or P when a part of it follows, and the text.

/** How many files a container's log is kept in at most, the one being written included (the kubelet's containerLogMaxFiles). */
export const LOG_PARTS = 5;

export const LOG = String.raw`
# The newest part of the log, its bytes, and how many lines it is short of: a disk that is full costs lines, never the container.
my ($log, $logged, $lost) = (undef, 0, 0);
sub open_log {
  my ($path) = @_;
  open my $opened, '>>', $path or return;
  ($log, $logged) = ($opened, -s $opened);
}
# Whole lines, each with its time. What finds no room is left out as a whole, and said when there is room again.
sub write_log {
  my ($lines) = @_;
  my $note = $lost ? timestamp() . " stderr F [$lost lines of this log are lost here: no space left on device]\n" : '';
  my $text = $note . $lines;
  my $written = syswrite($log, $text) // 0;
  if ($written < length $text) {
    $written = rindex(substr($text, 0, $written), "\n") + 1;
    truncate $log, $logged + $written;
  }
  $logged += $written;
  $lost = 0 if $written >= length $note;
  $lost += substr($text, $written < length $note ? length $note : $written) =~ tr/\n//;
  begin_log_part() if $logged >= $order{logsize};
}
# PATH is the newest part, PATH.1 the one before …
sub begin_log_part {
  my $path = $order{log};
  open_log("$path.new") or return; # tried again with the next lines
  for (my $part = ${LOG_PARTS - 1}; $part > 0; $part--) { rename $path . ($part > 1 ? '.' . ($part - 1) : ''), "$path.$part" }
  rename "$path.new", $path;
}

# One source of output: reads what is there, into the log and to the clients; false when it has ended. A line longer than 16 KiB is
# written in parts. What is read together has one time, and goes into the log by few writes.
sub take_output {
  my ($one) = @_;
  my $read = sysread $one->{handle}, my $text, 65536;
  return 1 if !defined $read && is_transient();
  tell_clients($one->{what}, $text) if $read && %client;
  $one->{rest} .= $text if $read;
  my $head = timestamp() . " $one->{stream}";
  my ($lines, $taken) = ('', 0);
  while ($one->{rest} =~ /\G(?:([^\n]{0,16384})\n|([^\n]{16384}))/g) {
    $lines .= defined $1 ? "$head F $1\n" : "$head P $2\n";
    $taken = pos $one->{rest};
    if (length $lines >= 8192) { write_log($lines); $lines = '' }
  }
  substr $one->{rest}, 0, $taken, '';
  $lines .= "$head P $one->{rest}\n" if !$read && length $one->{rest}; # no end of line ever came
  write_log($lines) if length $lines;
  return $read;
}
`;
