// Certificate requests (PKCS #10, RFC 2986), as much of them as a signer needs: who it is to be for, the key, and the names.
import { createPublicKey, verify } from 'node:crypto';
import { children, type DerValue, readDer } from './der-reader.ts';

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** The subject and the public key, in DER. */
  readonly subject: Buffer;
  readonly publicKey: Buffer;
  /** The contents of the extension subjectAltName; undefined when it asks for no such names. */
  readonly alternativeNames?: Buffer;
  /** Of these names: 2 for DNS, 7 for IP addresses, 1 for mail, 6 for URIs (RFC 5280, 4.2.1.6). */
  readonly nameKinds: ReadonlySet<number>;
}

/** Object identifiers, in DER. */
const OID = {
  commonName: '550403',
  organization: '55040a',
  extensionRequest: '2a864886f70d01090e',
  subjectAltName: '551d11',
} as const;

/** Signature algorithms by identifier: the hash, null where the algorithm has its own. */
const HASHES: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

const PEM = /-----BEGIN CERTIFICATE REQUEST-----([\s\S]+?)-----END CERTIFICATE REQUEST-----/;
const SET_OF = 0x31;
const ATTRIBUTES = 0xa0;

/** `pem`: as text. Throws Error for what is no request, or not signed by the key it is about. */
export function readCertificateRequest(pem: string): CertificateRequest {
  const match = PEM.exec(pem);
  if (!match) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const [info, algorithm, signature] = children(readDer(Buffer.from(match[1], 'base64')));
  const [, subject, publicKey, ...rest] = children(info);
  checkSignature(info.raw, publicKey.raw, children(algorithm)[0], signature);
  const names = subjectNames(subject);
  const alternatives = rest.filter(({ tag }) => tag === ATTRIBUTES).flatMap(alternativeNames)[0];
  return {
    commonName: names.get(OID.commonName)?.[0] ?? '',
    organizations: names.get(OID.organization) ?? [],
    subject: subject.raw,
    publicKey: publicKey.raw,
    alternativeNames: alternatives,
    nameKinds: new Set(alternatives ? children(readDer(alternatives)).map(({ tag }) => tag & 0x1f) : []),
  };
}

function checkSignature(signed: Buffer, publicKey: Buffer, algorithm: DerValue, signature: DerValue): void {
  const hash = HASHES[algorithm.contents.toString('hex')];
  if (hash === undefined) throw new Error('x509: cannot verify signature: algorithm unimplemented');
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  // The first octet of a bit string counts its unused bits.
  if (!verify(hash, signed, key, signature.contents.subarray(1))) throw new Error('x509: invalid signature');
}

/** By object identifier. */
function subjectNames(subject: DerValue): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const part of children(subject).flatMap(children)) {
    const [id, value] = children(part);
    const key = id.contents.toString('hex');
    names.set(key, [...(names.get(key) ?? []), value.contents.toString()]);
  }
  return names;
}

function alternativeNames(attributes: DerValue): Buffer[] {
  return children(attributes).flatMap((attribute) => {
    const [id, values] = children(attribute);
    if (id.contents.toString('hex') !== OID.extensionRequest || values.tag !== SET_OF) return [];
    const extensions = children(values).flatMap(children).map(children);
    return extensions
      .filter(([extension]) => extension.contents.toString('hex') === OID.subjectAltName)
      .map((extension) => extension[extension.length - 1].contents);
  });
}
