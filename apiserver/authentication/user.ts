// Who asks: the user a request is made as.

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
export const MASTERS = 'system:masters';
const AUTHENTICATED = 'system:authenticated';

/** Adds the group that every user with valid credentials is in. */
export function authenticated(user: User): User {
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}

/** The groups of a service account, by its user name `system:serviceaccount:NAMESPACE:NAME`. */
export function serviceAccountGroups(userName: string): string[] | undefined {
  const match = /^system:serviceaccount:([^:]+):[^:]+$/.exec(userName);
  return match ? ['system:serviceaccounts', `system:serviceaccounts:${match[1]}`] : undefined;
}
