// Makes the certificate authority and the serving certificates it signs: X.509 v3 (RFC 5280), ECDSA P-256 with SHA-256.
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { parseAddress } from '../api/ip.ts';
import type { CertificateRequest } from './certificate-request.ts';
import * as der from './der.ts';

/** PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const DAY = 24 * 3600 * 1000;
const CA_DAYS = 3650;
const SERVING_DAYS = 365;
const CA_NAME = 'vitrine-ca';

const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSHA256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Bits of KeyUsage, the first one highest (RFC 5280, 4.2.1.3), and how many low bits after the last one do not count. */
const DIGITAL_SIGNATURE = der.bitString(Buffer.from([0b1000_0000]), 7);
const SIGNATURE_AND_ENCIPHERMENT = der.bitString(Buffer.from([0b1010_0000]), 5);
const SIGN_CERTIFICATES_AND_LISTS = der.bitString(Buffer.from([0b0000_0110]), 1);

export function makeAuthority(): Pair {
  const { publicKey, privateKey } = newKeys();
  const cert = certificate({
    subject: name(CA_NAME),
    days: CA_DAYS,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    signingKey: privateKey,
    extensions: [
      extension(OID.basicConstraints, der.sequence(der.yes()), { critical: true }),
      extension(OID.keyUsage, SIGN_CERTIFICATES_AND_LISTS, { critical: true }),
      extension(OID.subjectKeyIdentifier, der.octetString(keyIdentifier(publicKey))),
    ],
  });
  return { cert, key: pemOf(privateKey) };
}

/** Who a certificate is for. */
export interface Identity {
  readonly commonName: string;
  readonly organization?: string;
  readonly usage: 'serverAuth' | 'clientAuth';
  /** DNS names and IP addresses; none for a client. */
  readonly names: readonly string[];
}

/** Throws when `ca` is not an authority that `makeAuthority` made. */
export function issue(ca: Pair, { commonName, organization, usage, names }: Identity): Pair {
  const { publicKey, privateKey } = newKeys();
  const authority = new X509Certificate(ca.cert);
  const alternatives = extension(OID.subjectAltName, der.sequence(...names.map(generalName)));
  const cert = certificate({
    subject: name(commonName, organization),
    days: SERVING_DAYS,
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    signingKey: createPrivateKey(ca.key),
    extensions: [
      extension(OID.keyUsage, DIGITAL_SIGNATURE, { critical: true }),
      extension(OID.extKeyUsage, der.sequence(der.objectIdentifier(OID[usage]))),
      ...(names.length > 0 ? [alternatives] : []),
      extension(OID.authorityKeyIdentifier, der.sequence(der.contextPrimitive(0, keyIdentifier(authority.publicKey)))),
    ],
  });
  if (!new X509Certificate(cert).checkIssued(authority)) {
    throw new Error(`cannot issue certificates in the name of the authority ${authority.subject}`);
  }
  return { cert, key: pemOf(privateKey) };
}

/** What a signer was asked to put its name to. */
export interface Grant {
  readonly request: CertificateRequest;
  readonly usage: 'serverAuth' | 'clientAuth';
  /** Whether the key may encrypt other keys too, as RSA keys do. */
  readonly keyEncipherment: boolean;
  readonly seconds: number;
}

/** PEM of the certificate for a request. Throws when `ca` is not an authority that `makeAuthority` made. */
export function grant(ca: Pair, { request, usage, keyEncipherment, seconds }: Grant): string {
  const authority = new X509Certificate(ca.cert);
  const { alternativeNames } = request;
  const names = alternativeNames && [extension(OID.subjectAltName, alternativeNames)];
  return certificate({
    subject: request.subject,
    days: seconds / (24 * 3600),
    publicKey: request.publicKey,
    signingKey: createPrivateKey(ca.key),
    extensions: [
      extension(OID.keyUsage, keyEncipherment ? SIGNATURE_AND_ENCIPHERMENT : DIGITAL_SIGNATURE, { critical: true }),
      extension(OID.extKeyUsage, der.sequence(der.objectIdentifier(OID[usage]))),
      extension(OID.basicConstraints, der.sequence(), { critical: true }),
      extension(OID.authorityKeyIdentifier, der.sequence(der.contextPrimitive(0, keyIdentifier(authority.publicKey)))),
      ...(names ?? []),
    ],
  });
}

interface CertificateParts {
  /** A name in DER; the issuer is always our authority. */
  readonly subject: Buffer;
  readonly days: number;
  /** In DER. */
  readonly publicKey: Buffer;
  readonly signingKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate({ subject, days, publicKey, signingKey, extensions }: CertificateParts): string {
  const algorithm = der.sequence(der.objectIdentifier(OID.ecdsaWithSHA256));
  const signed = der.sequence(
    der.context(0, der.integer(Buffer.from([2]))), // v3
    der.integer(serialNumber()),
    algorithm,
    name(CA_NAME),
    // From a day ago, so that a clock that is a little behind accepts it.
    der.sequence(der.time(new Date(Date.now() - DAY)), der.time(new Date(Date.now() + days * DAY))),
    subject,
    publicKey,
    der.context(3, der.sequence(...extensions)),
  );
  const signature = sign('sha256', signed, signingKey);
  return pem('CERTIFICATE', der.sequence(signed, algorithm, der.bitString(signature)));
}

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  return der.sequence(der.objectIdentifier(id), ...(critical ? [der.yes()] : []), der.octetString(value));
}

function name(commonName: string, organization?: string): Buffer {
  const part = (id: string, value: string): Buffer =>
    der.set(der.sequence(der.objectIdentifier(id), der.utf8String(value)));
  const group = organization ? [part(OID.organization, organization)] : [];
  return der.sequence(...group, part(OID.commonName, commonName));
}

/** dNSName, or iPAddress as its octets. */
function generalName(text: string): Buffer {
  const address = parseAddress(text);
  if (!address) return der.contextPrimitive(2, Buffer.from(text, 'ascii'));
  const digits = address.value.toString(16).padStart(address.family === 'IPv4' ? 8 : 32, '0');
  return der.contextPrimitive(7, Buffer.from(digits, 'hex'));
}

/** 16 octets, positive, the first one never 0 (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const octets = randomBytes(16);
  octets[0] = (octets[0] & 0x7f) | 0x40;
  return octets;
}

/** SHA-1 of the public key's point, which are the last 65 octets of a P-256 key (RFC 5280, 4.2.1.2, first method). */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha1').update(point).digest();
}

const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

function pem(label: string, contents: Buffer): string {
  const lines = contents.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
