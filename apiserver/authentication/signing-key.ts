// Keys that sign service accounts' tokens: which algorithm goes with which key (RFC 7518, 3.1), and the key as a JWK (RFC 7517).
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

interface Algorithm {
  /** As a token's head names it. */
  readonly name: string;
  readonly hash: string;
}

const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: { name: 'ES256', hash: 'sha256' },
  secp384r1: { name: 'ES384', hash: 'sha384' },
  secp521r1: { name: 'ES512', hash: 'sha512' },
};
const RSA: Algorithm = { name: 'RS256', hash: 'sha256' };

export class SigningKey {
  /** Of the public key: a token says by it which key signed it. */
  readonly id: string;
  readonly algorithm: string;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #hash: string;

  /** PEM of an RSA key, or one on P-256, P-384 or P-521. Throws Error for anything else. */
  constructor(pem: string) {
    this.#private = createPrivateKey(pem);
    this.#public = createPublicKey(this.#private);
    const algorithm = algorithmOf(this.#private);
    if (!algorithm) throw new Error('not an RSA key, nor one on the curves P-256, P-384 and P-521');
    this.algorithm = algorithm.name;
    this.#hash = algorithm.hash;
    const spki = this.#public.export({ type: 'spki', format: 'der' });
    this.id = createHash('sha256').update(spki).digest('base64url');
  }

  sign(text: string): string {
    const key = { key: this.#private, dsaEncoding: 'ieee-p1363' } as const;
    return sign(this.#hash, Buffer.from(text), key).toString('base64url');
  }

  /** `signature` in base64url. */
  verifies(text: string, signature: string): boolean {
    const key = { key: this.#public, dsaEncoding: 'ieee-p1363' } as const;
    return verify(this.#hash, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  }

  /** The public half. */
  jwk(): object {
    return { use: 'sig', ...this.#public.export({ format: 'jwk' }), kid: this.id, alg: this.algorithm };
  }
}

function algorithmOf(key: KeyObject): Algorithm | undefined {
  if (key.asymmetricKeyType === 'rsa') return RSA;
  return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
}
