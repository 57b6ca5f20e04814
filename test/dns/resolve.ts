// Asking a DNS server on loopback, one packet at a time.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';

/** Sends a packet; with `waits`, resolves with what comes back within a second, if anything does. */
export function send(port: number, packet: Buffer, { waits = false } = {}): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const end = (reply?: Buffer): void => {
      clearTimeout(timer);
      socket.close(() => resolve(reply));
    };
    const timer = setTimeout(end, waits ? 1000 : 60_000);
    socket.on('message', (reply) => end(reply));
    socket.on('error', reject);
    socket.send(packet, port, '127.0.0.1', () => !waits && end());
  });
}

/** Node's own resolver (c-ares) that asks this server only. */
export function resolverAt(address: string): Resolver {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([address]);
  return resolver;
}
