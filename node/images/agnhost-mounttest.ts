// `agnhost mounttest`: what a container sees of its volumes, in the words that upstream's tests look for.

/** Perl, for agnhost-program.ts. */
export const MOUNTTEST = String.raw`
# Go's way to write a mode.
sub mode_text {
  my ($mode) = @_;
  my $text = ($mode & 0170000) == 0040000 ? 'd' : '';
  $text .= 't' if $mode & 01000;
  $text = '-' unless length $text;
  my @bits = split //, 'rwxrwxrwx';
  return $text . join '', map { $mode & (0400 >> $_) ? $bits[$_] : '-' } 0 .. 8;
}

sub mounttest {
  my ($bad, $end) = (0, time + ($flag{retry_time} // 180));
  my $each = sub { my ($name, $work) = @_; for (split /,/, $flag{$name} // '') { eval { $work->($_); 1 } or do { print $@; $bad = 1 } } };
  my $slurp = sub { my ($path) = @_; open my $file, '<', $path or die qq(error reading file content for "$path": open $path: ) . lcfirst("$!\n"); local $/; return scalar <$file> };
  my $content = sub { my ($path) = @_; print qq(content of file "$path": ), $slurp->($path), "\n" };
  $each->(fs_type => sub {
    my ($path) = @_;
    open my $mounts, '<', '/proc/self/mounts';
    my %type = map { (split)[1, 2] } <$mounts>;
    my ($point) = sort { length $b <=> length $a } grep { index("$path/", $_ eq '/' ? '/' : "$_/") == 0 } keys %type;
    print qq(mount type of "$path": $type{$point}\n);
  });
  for my $perm (qw(0644 0666 0660 0777)) {
    $each->("new_file_$perm" => sub {
      my ($path) = @_;
      umask 0;
      open my $file, '>', $path or die qq(error writing new file "$path": open $path: ) . lcfirst("$!\n");
      chmod oct $perm, $path;
      print $file "mount-tester new file\n";
      close $file;
      $content->($path);
    });
  }
  $each->(file_mode => sub { my ($path) = @_; my @stat = stat $path or die qq(error from Stat("$path"): stat $path: ) . lcfirst("$!\n"); print qq(mode of file "$path": ), mode_text($stat[2]), "\n" });
  $each->(file_perm => sub { my ($path) = @_; my @stat = stat $path or die qq(error from Stat("$path"): stat $path: ) . lcfirst("$!\n"); print qq(perms of file "$path": ), mode_text($stat[2] & 0777), "\n" });
  $each->(file_owner => sub { my ($path) = @_; my @stat = stat $path or die qq(error from stat("$path"): ) . lcfirst("$!\n"); print qq(owner UID of "$path": $stat[4]\nowner GID of "$path": $stat[5]\n) });
  $each->(file_content => $content);
  $each->(file_content_in_loop => sub {
    my ($path) = @_;
    while (time < $end) {
      my $text = eval { $slurp->($path) };
      if (defined $text) { print qq(content of file "$path": $text\n) } else { print "Error reading file $path: open $path: ", lcfirst "$!", ", retrying\n" }
      last if is_on('break_on_expected_content', 'true') && defined $text;
      nap(1);
    }
  });
  exit $bad;
}
`;
