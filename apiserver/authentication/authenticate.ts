// Authentication: who sent this request. A client certificate first, then a bearer token; without either it is anonymous
// (k8s.io/apiserver v0.36 pkg/authentication/request).
import { StatusError } from '../../api/status.ts';
import { type Peer, peerUser } from './client-certificate.ts';
import { ANONYMOUS, authenticated, type User } from './user.ts';

/** Who a token belongs to, and whom it may be shown to. */
export interface Identity {
  readonly user: User;
  readonly audiences: readonly string[];
}

/**
 * Answers whose the token is, when it is for one of `audiences`; undefined when it knows no such token. Throws TokenError for one
 * of its own that is worth nothing.
 */
export type Authenticator = (token: string, audiences: readonly string[]) => Identity | undefined;

/** Why a token is worth nothing, in upstream's words. */
export class TokenError extends Error {}

export interface Authentication {
  readonly tokens: readonly Authenticator[];
  /** What this server calls itself: tokens of its clients are for one of these. */
  readonly audiences: readonly string[];
  /** Whether requests without credentials are let through, as system:anonymous. */
  readonly allowsAnonymous: boolean;
}

export interface Credentials {
  readonly authorization?: string;
  readonly peer?: Peer;
}

const INVALID = 'invalid bearer token';

/**
 * The user of a request. Credentials that nobody knows are refused; without any it is anonymous, whatever other scheme the header
 * names. Throws 401.
 */
export function authenticate({ authorization, peer }: Credentials, authentication: Authentication): User {
  const known = peer && peerUser(peer);
  if (known) return authenticated(known);
  const token = bearerToken(authorization);
  if (token !== undefined) return authenticated(userOf(token, authentication));
  if ((peer && !peer.isTrusted) || !authentication.allowsAnonymous) throw StatusError.unauthorized();
  return ANONYMOUS;
}

function userOf(token: string, { tokens, audiences }: Authentication): User {
  try {
    return identify(token, audiences, tokens).user;
  } catch (error) {
    if (error instanceof TokenError) throw StatusError.unauthorized();
    throw error;
  }
}

/** Throws TokenError when nobody knows the token, or it is not for any of `audiences`. */
export function identify(
  token: string,
  audiences: readonly string[],
  authenticators: readonly Authenticator[],
): Identity {
  const reasons: string[] = [INVALID];
  for (const authenticator of authenticators) {
    try {
      const identity = authenticator(token, audiences);
      if (identity) return identity;
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new TokenError(reasons.length === 1 ? INVALID : `[${reasons.join(', ')}]`);
}

function bearerToken(header: string | undefined): string | undefined {
  if (!header) return undefined;
  const space = header.indexOf(' ');
  if (space < 0 || header.slice(0, space).toLowerCase() !== 'bearer') return undefined;
  const token = header.slice(space + 1).trim();
  return token === '' ? undefined : token;
}

/** Those both name. */
export const common = (some: readonly string[], others: readonly string[]): string[] =>
  some.filter((audience) => others.includes(audience));

/** Tokens known beforehand, which are for this server. Compared through a Map: a lookup's time tells nothing about the token's letters. */
export function staticTokens(users: ReadonlyMap<string, User>, own: readonly string[]): Authenticator {
  return (token, audiences) => {
    const user = users.get(token);
    const shared = common(audiences, own);
    return user && shared.length > 0 ? { user, audiences: shared } : undefined;
  };
}
