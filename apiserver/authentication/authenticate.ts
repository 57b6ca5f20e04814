// Authentication: who sent this request. Bearer tokens now; client certificates belong here too, as one more Authenticator.
import { StatusError } from '../../api/status.ts';
import { ANONYMOUS, authenticated, type User } from './user.ts';

/** Answers the user a bearer token belongs to; undefined when it knows no such token. */
export type Authenticator = (token: string) => User | undefined;

/**
 * The user of a request. Without a bearer token it is anonymous, whatever other scheme the header names; with a token that
 * nobody knows it is refused. Throws 401.
 */
export function authenticate(authorization: string | undefined, authenticators: readonly Authenticator[]): User {
  const token = bearerToken(authorization);
  if (token === undefined) return ANONYMOUS;
  for (const authenticator of authenticators) {
    const user = authenticator(token);
    if (user) return authenticated(user);
  }
  throw StatusError.unauthorized();
}

function bearerToken(header: string | undefined): string | undefined {
  if (!header) return undefined;
  const space = header.indexOf(' ');
  if (space < 0 || header.slice(0, space).toLowerCase() !== 'bearer') return undefined;
  const token = header.slice(space + 1).trim();
  return token === '' ? undefined : token;
}

/** Tokens known beforehand. Compared through a Map: a lookup's time tells nothing about the token's letters. */
export function staticTokens(users: ReadonlyMap<string, User>): Authenticator {
  return (token) => users.get(token);
}
