// The server's own certificate authority and serving certificate (ECDSA P-256), kept in the data directory so that clients'
// kubeconfigs outlive a restart. Made only when missing, expiring, or lacking a name.
// Beside them: who this server is to the nodes' agents, and what it issues to them.
// What it issues is good for clients too: it is among those that vouch for client certificates.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Grant, grant, type Identity, issue, makeAuthority, type Pair } from './certificate-issuer.ts';
import { replaceFile } from './files.ts';

export interface ServingCertificate {
  /** PEM. */
  readonly caCert: string;
  readonly cert: string;
  readonly key: string;
}

/** All that the authority vouches for. */
export interface ClusterCertificates extends ServingCertificate {
  /** By which the server shows the nodes' agents who it is. */
  readonly kubeletClient: Pair;
  /** For the node's agent; `addresses` are those the server reaches it by. */
  issueNode(nodeName: string, addresses: readonly string[]): Pair;
  /** PEM of the certificate for a request that somebody has approved. */
  grant(what: Grant): string;
}

export interface CertificateOptions {
  /** Absent: nothing is kept. */
  directory?: string;
  /** DNS names and IP addresses the serving certificate must be valid for. */
  names: readonly string[];
}

const DAY = 24 * 3600 * 1000;
/** Renewed when it would expire within this many days. */
const RENEW_DAYS = 30;

const SERVER = { commonName: 'kube-apiserver', usage: 'serverAuth' } as const;
/** As kubeadm makes it; its group may do everything a node's agent does. */
const KUBELET_CLIENT: Identity = {
  commonName: 'kube-apiserver-kubelet-client',
  organization: 'system:masters',
  usage: 'clientAuth',
  names: [],
};

/** Loads what the directory holds and makes what is missing or no longer good; keys are readable by the owner only. */
export async function clusterCertificates({ directory, names }: CertificateOptions): Promise<ClusterCertificates> {
  const kept = directory ? pkiOf(directory) : undefined;
  const known = await loadPair(kept, 'ca');
  const ca = known && isGood(known, []) ? known : makeAuthority();
  if (ca !== known) await savePair(kept, 'ca', ca);
  const serving = await keep(kept, 'apiserver', ca, { ...SERVER, names });
  const kubeletClient = await keep(kept, 'apiserver-kubelet-client', ca, KUBELET_CLIENT);
  return {
    caCert: ca.cert,
    ...serving,
    kubeletClient,
    issueNode: (nodeName, addresses) => issue(ca, nodeIdentity(nodeName, addresses)),
    grant: (what) => grant(ca, what),
  };
}

/**
 * A certificate for a node's agent, by the authority that the data directory of a server holds. Undefined when no server has
 * been started there yet.
 */
export async function nodeCertificate(
  directory: string,
  nodeName: string,
  addresses: readonly string[],
): Promise<Pair | undefined> {
  const ca = await loadPair(pkiOf(directory), 'ca');
  return ca && issue(ca, nodeIdentity(nodeName, addresses));
}

const pkiOf = (directory: string): string => join(directory, 'pki');

/** As the signer `kubernetes.io/kubelet-serving` asks. */
function nodeIdentity(nodeName: string, addresses: readonly string[]): Identity {
  return {
    commonName: `system:node:${nodeName}`,
    organization: 'system:nodes',
    usage: 'serverAuth',
    names: [nodeName, ...addresses],
  };
}

async function keep(directory: string | undefined, name: string, ca: Pair, identity: Identity): Promise<Pair> {
  const known = await loadPair(directory, name);
  if (known && isGood(known, identity.names) && isSignedBy(known, ca)) return known;
  const made = issue(ca, identity);
  await savePair(directory, name, made);
  return made;
}

async function loadPair(directory: string | undefined, name: string): Promise<Pair | undefined> {
  if (!directory) return undefined;
  try {
    const [cert, key] = await Promise.all(
      ['crt', 'key'].map((suffix) => readFile(join(directory, `${name}.${suffix}`), 'utf8')),
    );
    return { cert, key };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function savePair(directory: string | undefined, name: string, pair: Pair): Promise<void> {
  if (!directory) return;
  await replaceFile(join(directory, `${name}.key`), pair.key, 0o600);
  await replaceFile(join(directory, `${name}.crt`), pair.cert, 0o644);
}

function isGood(pair: Pair, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pair.cert);
  if (Date.parse(certificate.validTo) < Date.now() + RENEW_DAYS * DAY) return false;
  return names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined);
}

const isSignedBy = (pair: Pair, ca: Pair): boolean =>
  new X509Certificate(pair.cert).verify(new X509Certificate(ca.cert).publicKey);

const isIP = (name: string): boolean => name.includes(':') || /^[\d.]+$/.test(name);
