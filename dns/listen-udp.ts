// Queries as datagrams.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Logger } from '../host/log.ts';
import type { Responder } from './responder.ts';

export interface Address {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface ListenOptions {
  readonly address: Address;
  readonly responder: Responder;
  readonly log: Logger;
}

/** What a burst may fill before the kernel drops datagrams, bytes; it gives what net.core.rmem_max allows. */
const RECEIVE_BUFFER = 4 * 2 ** 20;

/** Resolves when it listens; rejects when it cannot. Closes when `signal` aborts. */
export async function listenUDP({ address, responder, log }: ListenOptions, signal: AbortSignal): Promise<Socket> {
  const family = isIPv6(address.host) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: false,
    recvBufferSize: RECEIVE_BUFFER,
    // Peers are addresses already: answering at once saves a turn of the event loop for each reply.
    lookup: (host, _options, done) => done(null, host, family),
    signal,
  });
  const client = { transport: 'udp', family } as const;
  const send = (reply: Buffer | undefined, { address: host, port }: RemoteInfo): void => {
    if (reply && port > 0) socket.send(reply, port, host); // nobody listens at port 0: a forged query
  };
  socket.on('message', (packet, peer) => {
    const reply = responder.respond(packet, client);
    if (!(reply instanceof Promise)) return send(reply, peer);
    reply
      .then((late) => !signal.aborted && send(late, peer))
      .catch((error) => log.error({ err: error }, 'no reply sent'));
  });
  const listening = once(socket, 'listening');
  socket.bind({ address: address.host, port: address.port });
  await listening;
  // A reply that cannot be sent (no route back, a filter) concerns nobody but its client.
  socket.on('error', (error) => log.debug({ error: error.message }, 'a reply could not be sent'));
  return socket;
}
