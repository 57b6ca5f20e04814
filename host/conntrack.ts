// A thin client of conntrack: which flows of a protocol the kernel follows, and forgetting some of them, all in one go.
import { isIP } from 'node:net';
import { check, type Exec } from './exec.ts';

export type FlowProtocol = 'udp' | 'sctp';

export interface Flow {
  readonly protocol: FlowProtocol;
  /** The client. */
  readonly source: string;
  readonly sourcePort: number;
  /** Where the client sends its packets. */
  readonly destination: string;
  readonly destinationPort: number;
  /** Who answers. */
  readonly replySource: string;
  readonly replySourcePort: number;
}

/**
 * Asks the kernel over netlink (linux/nfnetlink_conntrack.h) to delete each flow that a line of the input names: `protocol source
 * sourcePort destination destinationPort`. The `conntrack` tool would walk the whole table of the machine for each, 15 ms where it is
 * empty. Says how many there were; one that is gone already is none. A request always carries its tuple: one without would flush.
 */
const DELETER = String.raw`
use strict;
use Socket qw(AF_INET AF_INET6 inet_pton);
use constant { AF_NETLINK => 16, SOCK_RAW => 3, NETLINK_NETFILTER => 12, CT_DELETE => 1 << 8 | 2, REQUEST_ACK => 5 };
use constant { NESTED => 0x8000, ENOENT => 2 };
my %number = (udp => 17, sctp => 132);
sub attribute { my ($type, $value) = @_; my $text = pack('SS', 4 + length $value, $type) . $value; return $text . "\0" x (-length($text) & 3) }

socket my $kernel, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER or die "socket: $!\n";
my ($turn, $deleted) = (0, 0);
while (my $line = <STDIN>) {
  my ($protocol, $source, $sport, $destination, $dport) = split ' ', $line;
  my ($family, $from) = $source =~ /:/ ? (AF_INET6, 3) : (AF_INET, 1);
  my $ips = attribute($from, inet_pton $family, $source) . attribute($from + 1, inet_pton $family, $destination);
  my $ports = attribute(1, pack 'C', $number{$protocol}) . attribute(2, pack 'n', $sport) . attribute(3, pack 'n', $dport);
  my $tuple = attribute(NESTED | 1, attribute(NESTED | 1, $ips) . attribute(NESTED | 2, $ports));
  $turn += 1;
  send $kernel, pack('LSSLL', 20 + length $tuple, CT_DELETE, REQUEST_ACK, $turn, 0) . pack('CCn', $family, 0, 0) . $tuple, 0
    or die "send: $!\n";
  # The acknowledgement: a header, then minus the error's number.
  defined recv $kernel, my $answer, 8192, 0 or die "recv: $!\n";
  my $error = -unpack 'l', substr $answer, 16, 4;
  if (!$error) { $deleted += 1 }
  elsif ($error != ENOENT) { $! = $error; die "$line: $!\n" }
}
print $deleted;
`;

export class Conntrack {
  readonly #family: 4 | 6;
  readonly #exec: Exec;

  constructor(family: 4 | 6, exec: Exec = check) {
    this.#family = family;
    this.#exec = exec;
  }

  /** Throws ExecError. */
  async list(protocol: FlowProtocol): Promise<Flow[]> {
    const argv = ['conntrack', '-L', '-f', this.#family === 4 ? 'ipv4' : 'ipv6', '-p', protocol];
    const text = await this.#exec(argv);
    return text.split('\n').flatMap((line) => parseFlow(line, protocol) ?? []);
  }

  /** Returns how many were there still. Throws ExecError. */
  async delete(flows: readonly Flow[]): Promise<number> {
    if (flows.length === 0) return 0;
    const input = flows.map((flow) => `${this.#tuple(flow)}\n`).join('');
    return Number(await this.#exec(['perl', '-e', DELETER], { input }));
  }

  #tuple({ protocol, source, sourcePort, destination, destinationPort }: Flow): string {
    for (const ip of [source, destination]) {
      if (isIP(ip) !== this.#family) throw new TypeError(`not an IPv${this.#family} address: ${JSON.stringify(ip)}`);
    }
    return [protocol, source, sourcePort, destination, destinationPort].join(' ');
  }
}

/** `udp 17 29 src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… sport=… dport=…`: the original tuple, then the reply's. */
function parseFlow(line: string, protocol: FlowProtocol): Flow | undefined {
  const values: Record<string, string[]> = { src: [], dst: [], sport: [], dport: [] };
  for (const [, name, value] of line.matchAll(/\b(src|dst|sport|dport)=(\S+)/g)) values[name].push(value);
  const { src, dst, sport, dport } = values;
  if (src.length < 2 || sport.length < 2) return undefined;
  return {
    protocol,
    source: src[0],
    sourcePort: Number(sport[0]),
    destination: dst[0],
    destinationPort: Number(dport[0]),
    replySource: src[1],
    replySourcePort: Number(sport[1]),
  };
}
