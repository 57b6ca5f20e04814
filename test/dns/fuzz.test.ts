// Random and damaged packets: whatever comes in, a reply is well-formed, fits, carries the query's id, and nothing fails.
// VITRINE_FUZZ_PACKETS sets how many (default 100,000); the seed is fixed, so that a failure comes again.
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startDnsProcess } from '../harness/dns.ts';
import { serveObjects } from '../harness/object-server.ts';
import { Random } from '../harness/random.ts';
import { recorded } from './recorded.ts';
import { send } from './resolve.ts';

const FOLDER = new URL('../golden/dns', import.meta.url).pathname;
const PACKETS = Number(process.env.VITRINE_FUZZ_PACKETS ?? 100_000);
/** Of those, every so many is read by a decoder that is not ours, too; it takes most of the time. */
const DECODE_EVERY = 10;

interface Runner {
  decode(reply: Buffer): { id: number; qr: number };
  encodeQuery(query: object, id: number): Buffer;
}

function randomSource(seed: number): (below: number) => number {
  const random = new Random(seed);
  return (below) => random.below(below);
}

const TYPES = ['A', 'AAAA', 'SRV', 'PTR', 'TXT', 'CNAME', 'NS', 'SOA', 'MX', 'ANY', 'AXFR', 'TYPE65280'];
/** Different queries that the damaged ones are made of. */
const GOOD = 5000;
const SIZES = [0, 1, 511, 512, 513, 1232, 4096, 65_535];

/** Good queries, most of them damaged: bytes changed, cut, doubled, filled up; and pure noise. */
function packetSource({ encodeQuery }: Runner, names: readonly string[], random: (below: number) => number) {
  const edns = (): object => ({ size: SIZES[random(SIZES.length)], version: random(8) ? 0 : 1, do: random(2) === 1 });
  const good = Array.from({ length: GOOD }, (): Buffer => {
    const name = names[random(names.length)];
    const type = TYPES[random(TYPES.length)];
    return encodeQuery({ name, type, rd: random(2) === 1, ...(random(2) && { edns: edns() }) }, random(0x10000));
  });
  const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random(256)));
  const damage: ((packet: Buffer) => Buffer)[] = [
    (packet) => packet,
    (packet) => packet.subarray(0, random(packet.length + 1)),
    (packet) => Buffer.concat([packet, noise(random(40))]),
    (packet) => Buffer.concat([packet, packet]),
    (packet) => Buffer.concat([packet.subarray(0, 12), noise(random(300))]),
    () => noise(random(600)),
  ];
  return (): Buffer => {
    const packet = damage[random(damage.length)](Buffer.from(good[random(GOOD)]));
    for (let flips = random(4); flips > 0 && packet.length > 0; flips--) packet[random(packet.length)] = random(256);
    return packet;
  };
}

const limitOf = (transport: 'udp' | 'tcp'): number => (transport === 'udp' ? 4096 : 65_535);

describe('a server that gets anything', () => {
  it(`answers ${PACKETS.toLocaleString('en')} packets well or not at all`, { timeout: 600_000 }, async () => {
    const runner = (await import(`${FOLDER}/ask.mjs`)) as Runner;
    const { responder, metrics, names } = recorded(FOLDER);
    const random = randomSource(20_261_122);
    const next = packetSource(runner, names, random);
    let answered = 0;
    for (let i = 0; i < PACKETS; i++) {
      const packet = next();
      const transport = random(8) ? 'udp' : 'tcp';
      const reply = responder.respond(Buffer.from(packet), { transport, family: 4 });
      if (reply instanceof Promise) throw new Error('nothing is forwarded here');
      if (!reply) continue;
      answered += 1;
      const where = `packet ${i}: ${packet.toString('hex')}`;
      if (reply.length > limitOf(transport)) throw new Error(`${where}: a reply of ${reply.length} bytes`);
      if (reply.readUInt16BE(0) !== packet.readUInt16BE(0)) throw new Error(`${where}: another id`);
      if (!(reply[2] & 0x80)) throw new Error(`${where}: no reply`);
      if (i % DECODE_EVERY === 0) expect(() => runner.decode(reply), where).not.toThrow();
    }
    expect(metrics.failures).toBe(0);
    expect(answered).toBeGreaterThan(PACKETS / 3);
  });

  it('goes on answering others, over UDP and TCP', async () => {
    const runner = (await import(`${FOLDER}/ask.mjs`)) as Runner;
    const server = await serveObjects([{ kind: 'Namespace', metadata: { name: 'default' } }]);
    const dns = await startDnsProcess(server.kubeconfig);
    try {
      const random = randomSource(7);
      const next = packetSource(runner, recorded(FOLDER).names, random);
      for (let i = 0; i < 2000; i++) await send(dns.port, next());
      for (let i = 0; i < 50; i++) await throwAt(dns.port, Buffer.concat([next(), next()]));
      const packet = runner.encodeQuery({ name: 'dns-version.cluster.local.', type: 'TXT' }, 4711);
      expect(runner.decode((await send(dns.port, packet, { waits: true }))!)).toMatchObject({ id: 4711, qr: 1 });
    } finally {
      await dns.stop();
      await server.stop();
    }
    expect(await dns.exited).toBe(0);
  });
});

/** Writes bytes to a TCP port, and hangs up. */
function throwAt(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.end(bytes));
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
  });
}
