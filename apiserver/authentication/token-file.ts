// The static token file: lines of `token,user,uid,"group1,group2"` (upstream's --token-auth-file).
import { randomBytes } from 'node:crypto';
import type { User } from './user.ts';

/** Parses the CSV. Throws Error that names the line. */
export function readTokenFile(text: string): Map<string, User> {
  const users = new Map<string, User>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [token, name, uid, groups = ''] = splitCsv(line.trim());
    if (!token || !name || uid === undefined) {
      throw new Error(`token file, line ${index + 1}: expected token,user,uid[,"group1,group2"]`);
    }
    const names = groups.split(',').map((group) => group.trim());
    users.set(token, { name, uid, groups: names.filter((group) => group !== '') });
  }
  return users;
}

function splitCsv(line: string): string[] {
  const cells = line.match(/"(?:[^"]|"")*"|[^,]+|(?<=,)(?=,|$)/g) ?? [];
  return cells.map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell).trim());
}

/** 256 random bits, as text that is safe in a header. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}
