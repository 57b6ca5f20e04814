// Service account tokens: JWTs signed by the server's own key, checked against what they are bound to
// (k8s.io/kubernetes v1.36 pkg/serviceaccount).
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { type Authenticator, common, TokenError } from './authenticate.ts';
import { SigningKey } from './signing-key.ts';
import { serviceAccountGroups, type User } from './user.ts';

export const ISSUER = 'https://kubernetes.default.svc';

interface Ref {
  readonly name: string;
  readonly uid?: string;
}

/** What a token lives no longer than. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceaccount: Ref;
  readonly pod?: Ref;
  readonly secret?: Ref;
  /** With a pod: where it runs. Alone: what the token is bound to. */
  readonly node?: Ref;
}

interface Claims {
  readonly iss: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly sub: string;
  readonly 'kubernetes.io': TokenSubject & { readonly warnafter?: number };
}

export interface IssueOptions {
  /** None: the server's own. */
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** ms since the epoch. */
  readonly now: number;
  /** Seconds until its holder should have a newer one, where that is less than its life. */
  readonly warnAfter?: number;
}

export interface TokenIssuerOptions {
  /** The `iss` of its tokens; default https://kubernetes.default.svc. */
  readonly issuer?: string;
  /** What the server calls itself; default: the issuer. */
  readonly audiences?: readonly string[];
}

export class TokenIssuer {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly key: SigningKey;

  /** `privateKey`: PEM. Throws Error for a key that cannot sign tokens. */
  constructor(privateKey: string, { issuer = ISSUER, audiences }: TokenIssuerOptions = {}) {
    this.key = new SigningKey(privateKey);
    this.issuer = issuer;
    this.audiences = audiences?.length ? audiences : [issuer];
  }

  static newKey(): string {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  issue(subject: TokenSubject, { audiences, seconds, now, warnAfter }: IssueOptions): string {
    const issuedAt = Math.floor(now / 1000);
    const claims: Claims = {
      aud: audiences.length > 0 ? audiences : this.audiences,
      exp: issuedAt + seconds,
      iat: issuedAt,
      iss: this.issuer,
      jti: randomUUID(),
      'kubernetes.io': { ...subject, ...(warnAfter && { warnafter: issuedAt + warnAfter }) },
      nbf: issuedAt,
      sub: `system:serviceaccount:${subject.namespace}:${subject.serviceaccount.name}`,
    };
    const signed = `${encode({ alg: this.key.algorithm, kid: this.key.id })}.${encode(claims)}`;
    return `${signed}.${this.key.sign(signed)}`;
  }

  /** `checkBound` throws TokenError when what the token is bound to is gone; `now` in ms since the epoch. */
  authenticator(checkBound: (subject: TokenSubject) => void, now: () => number): Authenticator {
    return (token, audiences) => {
      const claims = this.#read(token);
      if (!claims) return undefined;
      const shared = common(claims.aud, audiences);
      if (shared.length === 0) {
        const [own, wanted] = [claims.aud, audiences].map((list) => list.map((one) => JSON.stringify(one)).join(' '));
        throw new TokenError(`token audiences [${own}] is invalid for the target audiences [${wanted}]`);
      }
      if (claims.exp * 1000 <= now()) throw new TokenError('service account token has expired');
      if (claims.nbf * 1000 > now()) throw new TokenError('service account token is not valid yet');
      checkBound(claims['kubernetes.io']);
      return { user: userOf(claims), audiences: shared };
    };
  }

  /** Undefined when it is no token of this issuer. Throws TokenError when its signature is wrong. */
  #read(token: string): Claims | undefined {
    const parts = token.split('.');
    const claims = parts.length === 3 ? claimsIn(parts[1]) : undefined;
    if (claims?.iss !== this.issuer) return undefined;
    if (this.key.verifies(`${parts[0]}.${parts[1]}`, parts[2])) return claims;
    throw new TokenError('go-jose/go-jose: error in cryptographic primitive');
  }
}

/** Not to be believed before the signature is checked. */
function claimsIn(part: string): Claims | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims;
  } catch {
    return undefined; // no JWT
  }
}

function userOf({ jti, sub, 'kubernetes.io': { serviceaccount, pod, node } }: Claims): User {
  const extra: Record<string, string[]> = { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] };
  for (const [what, ref] of [
    ['pod', pod],
    ['node', node],
  ] as const) {
    if (!ref) continue;
    extra[`authentication.kubernetes.io/${what}-name`] = [ref.name];
    if (ref.uid) extra[`authentication.kubernetes.io/${what}-uid`] = [ref.uid];
  }
  return { name: sub, uid: serviceaccount.uid, groups: serviceAccountGroups(sub) ?? [], extra };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
