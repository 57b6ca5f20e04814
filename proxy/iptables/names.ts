// The names of chains, hashed as upstream hashes them, so that people and tools find what they know.
import { createHash } from 'node:crypto';
import type { TransportProtocol } from '../../host/iptables.ts';
import { type Endpoint, endpointText, type ServicePort } from '../plan.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first 16 letters of base32(sha256(text)): 10 bytes, 5 bits each letter. */
function hash(text: string): string {
  const bytes = createHash('sha256').update(text).digest();
  let letters = '';
  for (let bit = 0; bit < 80; bit += 5) {
    const pair = (bytes[bit >> 3] << 8) | bytes[(bit >> 3) + 1];
    letters += ALPHABET[(pair >> (11 - (bit & 7))) & 31];
  }
  return letters;
}

export function protocolOf(port: ServicePort): TransportProtocol {
  return port.protocol.toLowerCase() as TransportProtocol;
}

export interface ServiceChains {
  /** Endpoints of policy Cluster. */
  readonly service: string;
  /** Endpoints of policy Local. */
  readonly local: string;
  /** Where traffic from outside enters. */
  readonly external: string;
  /** Where load-balancer traffic is checked against source ranges. */
  readonly firewall: string;
}

export function serviceChains(port: ServicePort): ServiceChains {
  const suffix = hash(port.id + protocolOf(port));
  return {
    service: `KUBE-SVC-${suffix}`,
    local: `KUBE-SVL-${suffix}`,
    external: `KUBE-EXT-${suffix}`,
    firewall: `KUBE-FW-${suffix}`,
  };
}

export function endpointChain(port: ServicePort, endpoint: Endpoint): string {
  return `KUBE-SEP-${hash(port.id + protocolOf(port) + endpointText(endpoint))}`;
}

/** Chains that belong to one service port: those without a Service are stale and go. */
export function isServiceChain(chain: string): boolean {
  return /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(chain);
}
