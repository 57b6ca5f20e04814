// What leaves a node for another one, counted where the links of all nodes meet: packets of pods as they are, and inside packets of
// the nodes (VXLAN, RFC 7348).
import type { Scene } from './scene.ts';

export interface Way {
  /** Name and address of the node that sends. */
  readonly from: string;
  readonly fromIP: string;
  /** Address of the node that takes it. */
  readonly toIP: string;
  /** The packets meant have these addresses, inside. */
  readonly source: string;
  readonly target: string;
}

export interface Crossed {
  /** Packets with exactly these addresses inside one from node to node. */
  readonly inside: number;
  /** Packets to the target inside one from node to node, whoever sent them. */
  readonly anySource: number;
  /** Packets to the target as they are. */
  readonly bare: number;
}

/** Counts while `act` is done. */
export async function watchCrossing(scene: Scene, way: Way, act: () => Promise<void>): Promise<Crossed> {
  const table = ['netdev', 'tutorial'];
  await scene.exec('wire', ['nft', '-f', '-'], rules(way));
  try {
    await act();
    const said = await scene.at('wire', 'nft', 'list', 'counters', 'table', ...table);
    const counted = (name: string): number =>
      Number(new RegExp(`counter ${name} \\{\\s+packets (\\d+)`).exec(said)?.[1] ?? Number.NaN);
    return { inside: counted('inside'), anySource: counted('any-source'), bare: counted('bare') };
  } finally {
    await scene.exec('wire', ['nft', 'delete', 'table', ...table]);
  }
}

/** `0x0af40105`: an IPv4 address as nft compares raw bytes with. */
const hex = (ip: string): string => `0x${Buffer.from(ip.split('.').map(Number)).toString('hex')}`;

/** Behind the outer UDP header (8 bytes) come VXLAN's (8), the inner Ethernet's (14) and the inner IP header: addresses at byte 42 and 46. */
function rules({ from, fromIP, toIP, source, target }: Way): string {
  const outer = `ip saddr ${fromIP} ip daddr ${toIP} udp dport 4789`;
  return `
table netdev tutorial {
  counter inside {}
  counter any-source {}
  counter bare {}
  chain sent {
    type filter hook ingress device "${from}" priority 0;
    ${outer} @th,336,32 ${hex(source)} @th,368,32 ${hex(target)} counter name inside
    ${outer} @th,368,32 ${hex(target)} counter name any-source
    ip daddr ${target} counter name bare
  }
}`;
}
