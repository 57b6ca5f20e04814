// The certificates that connections have shown: read once for each connection, not for each of its requests.
import type { TLSSocket } from 'node:tls';
import { type Peer, peerOf } from '../authentication/client-certificate.ts';

export class Peers {
  readonly #known = new WeakMap<object, Peer | 'none'>();

  /** `connection` is the socket itself, or the HTTP/2 session on it. Undefined when no certificate was shown. */
  of(connection: object, socket: object): Peer | undefined {
    let known = this.#known.get(connection);
    if (known === undefined) {
      known = peerOf(socket as TLSSocket) ?? 'none';
      this.#known.set(connection, known);
    }
    return known === 'none' ? undefined : known;
  }
}
