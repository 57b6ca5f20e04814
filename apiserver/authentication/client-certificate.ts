// Client certificates: the common name is the user, the organizations are the groups (k8s.io/apiserver v0.36
// pkg/authentication/request/x509).
import type { PeerCertificate, TLSSocket } from 'node:tls';
import type { User } from './user.ts';

/** What the other end of a connection has shown. */
export interface Peer {
  readonly certificate: PeerCertificate;
  /** Whether one of our client authorities vouches for it, for use by a client and at this time. */
  readonly isTrusted: boolean;
}

/** Undefined when the client showed no certificate. */
export function peerOf(socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>): Peer | undefined {
  const certificate = socket.getPeerCertificate();
  // Without a certificate Node answers an empty object, or null.
  return certificate?.raw ? { certificate, isTrusted: socket.authorized } : undefined;
}

/** Undefined for a certificate that nobody vouches for, or that names nobody. */
export function peerUser({ certificate, isTrusted }: Peer): User | undefined {
  const { subject, fingerprint256 } = certificate;
  const [name] = listOf(subject.CN);
  if (!isTrusted || !name) return undefined;
  const id = fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    name,
    groups: listOf(subject.O),
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${id}`] },
  };
}

/** Node gives what is there several times as a list. */
const listOf = (value: string | string[] | undefined): string[] =>
  (Array.isArray(value) ? value : [value ?? '']).filter((text) => text !== '');
