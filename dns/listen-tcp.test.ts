import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../host/log.ts';
import { Catalog } from './catalog/catalog.ts';
import { listenTCP } from './listen-tcp.ts';
import { DnsMetrics } from './metrics.ts';
import { Resolver } from './resolver.ts';
import { Responder } from './responder.ts';
import { FrameReader, frame } from './wire/frame.ts';
import { nameOf } from './wire/name.ts';

const VERSION = Buffer.concat([
  Buffer.from('123401000001000000000000', 'hex'),
  Buffer.from(nameOf('dns-version.cluster.local')!, 'latin1'),
  Buffer.from('0000100001', 'hex'),
]);

describe('DNS over TCP', () => {
  const stop = new AbortController();
  let port: number;
  let socket: Socket;

  beforeEach(async () => {
    const catalog = new Catalog('disabled', () => {});
    const clusterZone = nameOf('cluster.local')!;
    const resolver = new Resolver({ catalog, clusterZone, ttl: 30, ownAddresses: [], serial: () => 1 });
    const responder = new Responder({ resolver, metrics: new DnsMetrics('dns://:53'), log: silentLogger });
    const address = { host: '127.0.0.1', port: 0 };
    const server = await listenTCP({ address, responder, log: silentLogger }, stop.signal);
    port = (server.address() as AddressInfo).port;
    socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
  });
  afterEach(() => void socket.destroy());

  /** Hung up on or reset: both are an end. */
  const closed = (): Promise<void> =>
    new Promise((resolve) => {
      socket.on('error', () => {}).once('close', () => resolve());
    });

  /** Reads until so many messages have come. */
  async function replies(count: number): Promise<Buffer[]> {
    const frames = new FrameReader();
    const found: Buffer[] = [];
    for await (const chunk of socket) {
      found.push(...frames.read(chunk as Buffer));
      if (found.length >= count) break;
    }
    return found;
  }

  it('takes queries in any pieces, many on one connection', async () => {
    const many = Buffer.concat([frame(VERSION), frame(VERSION), frame(VERSION)]);
    for (const byte of many) socket.write(Buffer.from([byte]));
    const found = await replies(3);
    expect(found.map((reply) => reply.toString('latin1').includes('1.1.0'))).toEqual([true, true, true]);
  });

  it('hangs up on an empty message', async () => {
    socket.write(Buffer.from([0, 0]));
    await closed();
  });

  it('closes its connections when it ends', async () => {
    socket.write(frame(VERSION).subarray(0, 5));
    stop.abort();
    await closed();
  });
});
