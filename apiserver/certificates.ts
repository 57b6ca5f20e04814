// The server's own certificate authority and serving certificate (ECDSA P-256), kept in the data directory so that clients'
// kubeconfigs outlive a restart. Made only when missing, expiring, or lacking a name.
// A client CA (for client certificates) belongs beside them, as `client-ca.crt`.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority, makeServing, type Pair } from './certificate-issuer.ts';
import { replaceFile } from './files.ts';

export interface ServingCertificate {
  /** PEM. */
  readonly caCert: string;
  readonly cert: string;
  readonly key: string;
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

/** Loads what the directory holds and makes what is missing or no longer good; keys are readable by the owner only. */
export async function servingCertificate({ directory, names }: CertificateOptions): Promise<ServingCertificate> {
  const kept = directory ? join(directory, 'pki') : undefined;
  const ca = await loadPair(kept, 'ca');
  const serving = await loadPair(kept, 'apiserver');
  if (ca && serving && isGood(ca, []) && isGood(serving, names) && isSignedBy(serving, ca)) {
    return { caCert: ca.cert, ...serving };
  }
  const authority = ca && isGood(ca, []) ? ca : makeAuthority();
  if (authority !== ca) await savePair(kept, 'ca', authority);
  const made = makeServing(authority, names);
  await savePair(kept, 'apiserver', made);
  return { caCert: authority.cert, ...made };
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
