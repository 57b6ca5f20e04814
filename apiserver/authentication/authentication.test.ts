import { describe, expect, it } from 'vitest';
import { authenticate, staticTokens } from './authenticate.ts';
import { impersonatedUser } from './impersonation.ts';
import { TokenIssuer } from './service-account-tokens.ts';
import { readTokenFile } from './token-file.ts';

describe('the token file', () => {
  it('is lines of token, user, uid and groups', () => {
    const users = readTokenFile('t1,ann,1,"devs,ops"\n# nobody\n\nt2,bob,2\n');
    expect(users.get('t1')).toEqual({ name: 'ann', uid: '1', groups: ['devs', 'ops'] });
    expect(users.get('t2')).toEqual({ name: 'bob', uid: '2', groups: [] });
  });

  it('names the line that is wrong', () => {
    expect(() => readTokenFile('t1,ann,1\nt2\n')).toThrow('line 2');
  });
});

describe('authenticate', () => {
  const known = [staticTokens(new Map([['t', { name: 'ann', groups: ['devs'] }]]))];
  it.each([
    [undefined, 'system:anonymous'],
    ['Basic YTpi', 'system:anonymous'],
    ['Bearer t', 'ann'],
    ['bearer t', 'ann'],
  ])('%s is %s', (header, name) => {
    expect(authenticate(header, known).name).toBe(name);
  });

  it('refuses an unknown token', () => {
    expect(() => authenticate('Bearer x', known)).toThrow('Unauthorized');
  });
});

describe('impersonation', () => {
  it('is asked for by headers', () => {
    expect(impersonatedUser({ accept: '*/*' })).toBeUndefined();
    const user = impersonatedUser({ 'impersonate-user': 'ann', 'impersonate-group': 'devs, ops' });
    expect(user).toMatchObject({ name: 'ann', groups: ['devs', 'ops', 'system:authenticated'] });
  });

  it('gives a service account its groups, and refuses groups without a user', () => {
    const user = impersonatedUser({ 'impersonate-user': 'system:serviceaccount:a:b' });
    expect(user!.groups).toContain('system:serviceaccounts:a');
    expect(() => impersonatedUser({ 'impersonate-group': 'devs' })).toThrow('without impersonating a user name');
  });
});

describe('service account tokens', () => {
  const subject = { namespace: 'a', name: 'bot', uid: 'u' };
  const now = Date.parse('2026-01-01T00:00:00Z');
  const issuer = new TokenIssuer(TokenIssuer.newKey());
  const token = issuer.issue(subject, { audiences: [], seconds: 600, now });

  it('speak for their account until they expire', () => {
    expect(issuer.verify(token, now + 1000)!.user.name).toBe('system:serviceaccount:a:bot');
    expect(issuer.verify(token, now + 601_000)).toBeUndefined();
    const exists = issuer.authenticator(
      () => true,
      () => now,
    );
    const gone = issuer.authenticator(
      () => false,
      () => now,
    );
    expect([exists(token)?.name, gone(token)]).toEqual(['system:serviceaccount:a:bot', undefined]);
  });

  it('are worth nothing when changed, signed by another key, or for another audience', () => {
    const [head, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ sub: 'system:admin' })).toString('base64url');
    expect(issuer.verify(`${head}.${claims}.${signature}`, now)).toBeUndefined();
    expect(new TokenIssuer(TokenIssuer.newKey()).verify(token, now)).toBeUndefined();
    const vault = issuer.issue(subject, { audiences: ['vault'], seconds: 600, now });
    const authenticator = issuer.authenticator(
      () => true,
      () => now,
    );
    expect(authenticator(vault)).toBeUndefined();
  });
});
