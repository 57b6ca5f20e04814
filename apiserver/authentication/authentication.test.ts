import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authenticate, type Credentials, identify, staticTokens, TokenError } from './authenticate.ts';
import type { Peer } from './client-certificate.ts';
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
  const tokens = [staticTokens(new Map([['t', { name: 'ann', groups: ['devs'] }]]), ['api'])];
  const authentication = { tokens, audiences: ['api'], allowsAnonymous: true };
  const peer = (subject: object, isTrusted = true): Peer =>
    ({ certificate: { subject, fingerprint256: 'AB:01' }, isTrusted }) as unknown as Peer;
  const eve = peer({ CN: 'eve', O: ['devs', 'ops'] });

  it.each<[Credentials, string]>([
    [{}, 'system:anonymous system:unauthenticated'],
    [{ authorization: 'Basic YTpi' }, 'system:anonymous system:unauthenticated'],
    [{ authorization: 'Bearer t' }, 'ann devs,system:authenticated'],
    [{ authorization: 'bearer t' }, 'ann devs,system:authenticated'],
    [{ peer: eve }, 'eve devs,ops,system:authenticated'],
    [{ peer: peer({ CN: 'eve', O: 'devs' }) }, 'eve devs,system:authenticated'],
    [{ peer: eve, authorization: 'Bearer t' }, 'eve devs,ops,system:authenticated'],
    [{ peer: peer({ CN: 'eve' }, false), authorization: 'Bearer t' }, 'ann devs,system:authenticated'],
    [{ peer: peer({ O: 'devs' }) }, 'system:anonymous system:unauthenticated'],
  ])('%j is %s', (credentials, expected) => {
    const { name, groups } = authenticate(credentials, authentication);
    expect(`${name} ${groups}`).toBe(expected);
  });

  it('refuses an unknown token, an unknown authority, and the anonymous where they are not wanted', () => {
    expect(() => authenticate({ authorization: 'Bearer x' }, authentication)).toThrow('Unauthorized');
    expect(() => authenticate({ peer: peer({ CN: 'eve' }, false) }, authentication)).toThrow('Unauthorized');
    expect(() => authenticate({}, { ...authentication, allowsAnonymous: false })).toThrow('Unauthorized');
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
  const subject = { namespace: 'a', serviceaccount: { name: 'bot', uid: 'u' } };
  const now = Date.parse('2026-01-01T00:00:00Z');
  const issuer = new TokenIssuer(TokenIssuer.newKey());
  const token = issuer.issue(subject, { audiences: [], seconds: 600, now });
  const whose = (text: string, { at = now + 1000, audiences = issuer.audiences, by = issuer, bound = () => {} } = {}) =>
    identify(text, audiences, [by.authenticator(bound, () => at)]);

  it('speak for their account, their pod and its node', () => {
    const bound = { ...subject, pod: { name: 'p', uid: 'v' }, node: { name: 'n', uid: 'w' } };
    const { user } = whose(issuer.issue(bound, { audiences: [], seconds: 600, now }));
    expect(user.name).toBe('system:serviceaccount:a:bot');
    expect(user.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['p'],
      'authentication.kubernetes.io/pod-uid': ['v'],
      'authentication.kubernetes.io/node-name': ['n'],
      'authentication.kubernetes.io/node-uid': ['w'],
    });
  });

  it('are worth nothing when late, early, unbound, for others, changed, or by another key', () => {
    expect(() => whose(token, { at: now + 601_000 })).toThrow(
      '[invalid bearer token, service account token has expired]',
    );
    expect(() => whose(token, { at: now - 1000 })).toThrow('not valid yet');
    const bound = (): void => {
      throw new TokenError('gone');
    };
    expect(() => whose(token, { bound })).toThrow('[invalid bearer token, gone]');
    const vault = issuer.issue(subject, { audiences: ['vault'], seconds: 600, now });
    expect(() => whose(vault)).toThrow('token audiences ["vault"] is invalid for the target audiences ["https://');
    expect(whose(vault, { audiences: ['other', 'vault'] }).audiences).toEqual(['vault']);
    const [head, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ iss: issuer.issuer, sub: 'system:admin' })).toString('base64url');
    expect(() => whose(`${head}.${claims}.${signature}`)).toThrow('cryptographic primitive');
    expect(() => whose(token, { by: new TokenIssuer(TokenIssuer.newKey()) })).toThrow('cryptographic primitive');
    expect(() => whose('no.jwt.at-all')).toThrow(/^invalid bearer token$/);
  });

  it.each([
    ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ['ES384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['ES512', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
  ])('are signed by %s, and anybody can check them by the published key', (algorithm, make) => {
    const by = new TokenIssuer(make().export({ type: 'pkcs8', format: 'pem' }) as string);
    const signed = by.issue(subject, { audiences: [], seconds: 600, now });
    expect(whose(signed, { by }).user.uid).toBe('u');
    const [head, claims, signature] = signed.split('.');
    const jwk = by.key.jwk() as Record<string, string>;
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: algorithm, kid: jwk.kid });
    expect(jwk).not.toHaveProperty('d');
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const hash = `sha${algorithm.slice(2)}`;
    const text = Buffer.from(`${head}.${claims}`);
    expect(verify(hash, text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  it('need a key that can sign', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    expect(() => new TokenIssuer(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)).toThrow(
      'not an RSA key',
    );
  });
});
