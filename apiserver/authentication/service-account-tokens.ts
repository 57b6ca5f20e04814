// Service account tokens: JWTs signed by the server's own key (ES256), checked against the account they speak for
// (k8s.io/kubernetes v1.36 pkg/serviceaccount).
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import type { Authenticator } from './authenticate.ts';
import { serviceAccountGroups, type User } from './user.ts';

export const ISSUER = 'https://kubernetes.default.svc';
const API_AUDIENCE = ISSUER;

interface Claims {
  readonly iss: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly sub: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: { readonly name: string; readonly uid: string };
    readonly pod?: { readonly name: string; readonly uid: string };
  };
}

export interface TokenSubject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod?: { readonly name: string; readonly uid: string };
}

export interface Verified {
  readonly user: User;
  readonly audiences: readonly string[];
  readonly subject: TokenSubject;
}

export class TokenIssuer {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  /** `privateKey`: PEM (PKCS #8), P-256. */
  constructor(privateKey: string) {
    this.#privateKey = createPrivateKey(privateKey);
    this.#publicKey = createPublicKey(this.#privateKey);
  }

  static newKey(): string {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  /** `now` in ms since the epoch; `seconds` of life. An empty audience means the API server itself. */
  issue(subject: TokenSubject, options: { audiences: readonly string[]; seconds: number; now: number }): string {
    const issuedAt = Math.floor(options.now / 1000);
    const { namespace, name, uid, pod } = subject;
    const claims: Claims = {
      aud: options.audiences.length > 0 ? options.audiences : [API_AUDIENCE],
      exp: issuedAt + options.seconds,
      iat: issuedAt,
      iss: ISSUER,
      jti: randomUUID(),
      'kubernetes.io': { namespace, serviceaccount: { name, uid }, ...(pod && { pod }) },
      nbf: issuedAt,
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const head = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(head), { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
    return `${head}.${signature.toString('base64url')}`;
  }

  /** Undefined when the token is not ours, not valid now, or tampered with. */
  verify(token: string, now: number): Verified | undefined {
    const parts = token.split('.');
    if (parts.length !== 3) return undefined;
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    const signature = Buffer.from(parts[2], 'base64url');
    if (!verify('sha256', signed, { key: this.#publicKey, dsaEncoding: 'ieee-p1363' }, signature)) return undefined;
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString()) as Claims;
    if (claims.iss !== ISSUER || claims.exp * 1000 <= now || claims.nbf * 1000 > now) return undefined;
    return verified(claims);
  }

  /** Tokens for the API server itself, whose account (and pod) still `exists`. */
  authenticator(exists: (subject: TokenSubject) => boolean, now: () => number): Authenticator {
    return (token) => {
      const found = this.verify(token, now());
      return found?.audiences.includes(API_AUDIENCE) && exists(found.subject) ? found.user : undefined;
    };
  }
}

function verified(claims: Claims): Verified {
  const { namespace, serviceaccount, pod } = claims['kubernetes.io'];
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`] };
  if (pod) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  return {
    user: { name: claims.sub, uid: serviceaccount.uid, groups: serviceAccountGroups(claims.sub) ?? [], extra },
    audiences: claims.aud,
    subject: { namespace, ...serviceaccount, pod },
  };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
