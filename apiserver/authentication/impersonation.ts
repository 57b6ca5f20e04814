// Impersonation: a privileged user acts as somebody else (Impersonate-User, -Group, -Uid, -Extra-*).
import type { IncomingHttpHeaders } from 'node:http';
import { StatusError } from '../../api/status.ts';
import { ANONYMOUS, authenticated, serviceAccountGroups, type User } from './user.ts';

/** The user the headers ask for; undefined when they ask for none. Throws 400 for groups or extras without a user. */
export function impersonatedUser(headers: IncomingHttpHeaders): User | undefined {
  if (!isAsked(headers)) return undefined;
  const name = one(headers['impersonate-user']);
  const groups = many(headers['impersonate-group']);
  const uid = one(headers['impersonate-uid']);
  const extra = extraOf(headers);
  if (!name) {
    if (groups.length === 0 && !uid && !extra) return undefined;
    throw StatusError.badRequest(`requested ${goUser(uid, groups, extra)} without impersonating a user name`);
  }
  const all = groups.length > 0 ? groups : (serviceAccountGroups(name) ?? []);
  const user: User = { name, groups: all, ...(uid && { uid }), ...(extra && { extra }) };
  return name === ANONYMOUS.name ? { ...user, groups: ANONYMOUS.groups } : authenticated(user);
}

/** On the way of every request: one look at each header's name, nothing made. */
function isAsked(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

const one = (value: string | string[] | undefined): string => (Array.isArray(value) ? value[0] : value) ?? '';

/** HTTP/1.1 joins repeated headers by ", "; group names hold no comma. */
function many(value: string | string[] | undefined): string[] {
  const values = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return values.flatMap((text) => text.split(',')).map((text) => text.trim());
}

function extraOf(headers: IncomingHttpHeaders): Record<string, string[]> | undefined {
  const entries = Object.entries(headers)
    .filter(([key]) => key.startsWith('impersonate-extra-'))
    .map(([key, value]) => [decodeURIComponent(key.slice('impersonate-extra-'.length)), many(value)] as const);
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Upstream quotes its own struct in this message; clients and recordings see it literally. */
function goUser(uid: string, groups: readonly string[], extra: Record<string, string[]> | undefined): string {
  const list = (values: readonly string[]): string =>
    `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  const written = groups.length > 0 ? list(groups) : '[]string(nil)';
  const pairs = Object.entries(extra ?? {}).map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`);
  const extras = extra ? `map[string][]string{${pairs.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${written}, Extra:${extras}}`;
}
