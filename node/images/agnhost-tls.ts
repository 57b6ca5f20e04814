// TLS for `agnhost`: perl-base knows none, so a Node.js stands before the program, the one that the agent runs by. Each connection
// reaches the program over a socket file; its first line is the client's name.

/** `node FILE CERT KEY PORT SOCKET`. Lives as long as the container. */
export const TLS_FRONT = String.raw`
const { readFileSync } = require('node:fs');
const { connect } = require('node:net');
const { pipeline } = require('node:stream');
const { createServer } = require('node:tls');

const [certFile, keyFile, port, socket] = process.argv.slice(2);
const fail = (error) => {
  console.error(error.message);
  process.exit(1);
};

function handOn(client) {
  const address = client.remoteAddress.replace(/^::ffff:(?=[\d.]+$)/, '');
  const inner = connect(socket);
  inner.write((address.includes(':') ? '[' + address + ']' : address) + ':' + client.remotePort + '\n');
  const over = () => {}; // the end of either is the end of both
  pipeline(client, inner, over);
  pipeline(inner, client, over);
}

try {
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, handOn);
  server.on('error', fail).on('tlsClientError', () => {}); // the client has been told
  server.listen(Number(port));
} catch (error) {
  fail(error);
}
`;

/** Perl: what the program does for it. */
export const BEHIND_TLS = String.raw`
my %front;
sub listen_behind_tls {
  my ($port, $cert, $key) = @_;
  my $path = "/dev/shm/.agnhost-tls-$port";
  socket my $inner, PF_UNIX, SOCK_STREAM, 0 or fail("socket: " . lcfirst $!);
  bind $inner, pack_sockaddr_un($path) and listen $inner, SOMAXCONN or fail("listen $path: " . lcfirst $!);
  my $pid = fork // fail("fork: " . lcfirst $!);
  $front{$pid} = $port;
  return $inner if $pid;
  exec '/agnhost-node', '/agnhost-tls', $cert, $key, $port, $path;
  fail('exec /agnhost-node: ' . lcfirst $!);
}

sub client_name {
  my ($peer, $address) = @_;
  return peer_name($address) unless sockaddr_family($address) == AF_UNIX;
  my ($name, $letter) = ('', '');
  while (sysread($peer, $letter, 1) && $letter ne "\n") { $name .= $letter }
  return $name;
}
`;

/** For `localhost` and its addresses. No secret: as in upstream's image, it lies there for all to see. */
export const LOCALHOST_CERT = `-----BEGIN CERTIFICATE-----
MIIBWjCCAQCgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDEwlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMT
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABH9H4IbKZ00tAKEa
fHb2c3GDs6h6Z0THSOfLUW1Z+lgSNEcFrC0j4D1cCtjOqxhMlLYDx3KLjvG+YLpd
b2rLvCSjQTA/MA8GA1UdEwEB/wQFMAMBAf8wLAYDVR0RBCUwI4IJbG9jYWxob3N0
hwR/AAABhxAAAAAAAAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0gAMEUCIQC+s5/A
g7teguE3GzpWbK2F1WH2BM5OaPDp7vJSjbBDzwIgDc5AWtJ4J/z0yMFDUF/Dyg9s
0wurWVU4iFGbK83Bqn8=
-----END CERTIFICATE-----
`;

export const LOCALHOST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoDHB4SyPAV/6DXXi
FCX/oJxwJ7c8G6xWFYOe+BUXWXyhRANCAAR/R+CGymdNLQChGnx29nNxg7OoemdE
x0jny1FtWfpYEjRHBawtI+A9XArYzqsYTJS2A8dyi47xvmC6XW9qy7wk
-----END PRIVATE KEY-----
`;
