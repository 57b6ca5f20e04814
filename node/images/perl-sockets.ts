// What the Perl programs among the images do with sockets of either address family.

/** `use Socket qw(:DEFAULT inet_ntop IN6ADDR_ANY)` comes before it. */
export const SOCKETS = String.raw`# Of both address families where the pod may have both, else of IPv4 alone.
sub socket_at {
  my ($type, $port) = @_;
  my $handle;
  if (socket $handle, PF_INET6, $type, 0) {
    setsockopt $handle, SOL_SOCKET, SO_REUSEADDR, 1 if $type == SOCK_STREAM;
    return $handle if bind $handle, pack_sockaddr_in6($port, IN6ADDR_ANY);
  }
  socket $handle, PF_INET, $type, 0 or return;
  setsockopt $handle, SOL_SOCKET, SO_REUSEADDR, 1 if $type == SOCK_STREAM;
  return bind($handle, pack_sockaddr_in($port, INADDR_ANY)) ? $handle : undef;
}

# An IPv4 peer of a socket of both families is ::ffff:ADDRESS.
sub peer_name {
  my ($address) = @_;
  my ($port, $ip) = sockaddr_family($address) == AF_INET6 ? unpack_sockaddr_in6($address) : unpack_sockaddr_in($address);
  my $name = length $ip == 4 ? inet_ntoa($ip) : inet_ntop(AF_INET6, $ip);
  $name =~ s/^::ffff:(?=[\d.]+$)//;
  return $name =~ /:/ ? "[$name]:$port" : "$name:$port";
}`;
