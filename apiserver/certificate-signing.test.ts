// CertificateSigningRequests: asked for, approved, signed, and used to get in.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Reply, startTestServer, type TestServer } from './server.harness.ts';

const REQUESTS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const MERGE = 'application/merge-patch+json';
let server: TestServer;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'requests-'));
  server = await startTestServer();
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

interface Wanted {
  readonly subject?: string;
  readonly key?: readonly string[];
  readonly names?: string;
  readonly usages?: readonly string[];
  readonly signerName?: string;
  readonly expirationSeconds?: number;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const CLIENT = 'kubernetes.io/kube-apiserver-client';

/** The key's PEM, and the answer to the request. */
async function ask(name: string, wanted: Wanted = {}): Promise<{ key: string; reply: Reply }> {
  const { subject = '/O=devs/O=ops/CN=ann', key = EC, names, ...spec } = wanted;
  const [keyFile, requestFile] = ['key', 'csr'].map((suffix) => join(directory, `${name}.${suffix}`));
  const more = names ? ['-addext', `subjectAltName=${names}`] : [];
  const argv = ['req', '-new', ...key, '-nodes', '-subj', subject, '-keyout', keyFile, '-out', requestFile, ...more];
  execFileSync('openssl', argv, { stdio: 'pipe' });
  const request = readFileSync(requestFile).toString('base64');
  const reply = await server.ask('POST', REQUESTS, {
    body: {
      metadata: { name },
      spec: { request, signerName: CLIENT, usages: ['client auth'], username: 'eve', ...spec },
    },
  });
  return { key: readFileSync(keyFile, 'utf8'), reply };
}

const decide = (name: string, type: string): Promise<Reply> =>
  server.ask('PATCH', `${REQUESTS}/${name}/approval`, {
    body: {
      status: { conditions: [{ type, status: 'True', reason: 'Test' }], certificate: 'bm8=' },
      spec: { signerName: 'a.b/c' },
    },
    contentType: MERGE,
  });

/** The first state that is more than the decision. */
async function outcome(name: string): Promise<{ certificate?: X509Certificate; failed?: string }> {
  const watch = await server.watch(`${REQUESTS}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3D${name}`);
  try {
    for (;;) {
      const { status } = (await watch.next())!.object;
      const failed = status.conditions?.find((one: { type: string }) => one.type === 'Failed')?.message;
      if (status.certificate) return { certificate: new X509Certificate(Buffer.from(status.certificate, 'base64')) };
      if (failed) return { failed };
    }
  } finally {
    watch.stop();
  }
}

describe('a certificate request', () => {
  it.each([
    ['ec', EC],
    ['rsa', ['-newkey', 'rsa:2048']],
    ['ed25519', ['-newkey', 'ed25519']],
  ])('for a client with an %s key gives, once approved, a certificate that gets in', async (name, type) => {
    const { key, reply } = await ask(name, {
      key: type,
      expirationSeconds: 3600,
      usages: ['client auth', 'digital signature'],
    });
    expect(reply.body.spec).toMatchObject({ username: 'admin', groups: ['system:masters', 'system:authenticated'] });
    expect(reply.body.status).toEqual({});
    const approved = await decide(name, 'Approved');
    expect(approved.body.status.certificate).toBeUndefined();
    expect(approved.body.spec.signerName).toBe(CLIENT);
    const { certificate } = await outcome(name);
    expect(Date.parse(certificate!.validTo) - Date.now()).toBeLessThan(3601_000);
    const who = await server.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      body: {},
      token: '',
      client: { key, cert: certificate!.toString() },
    });
    expect(who.body.status.userInfo).toMatchObject({
      username: 'ann',
      groups: ['devs', 'ops', 'system:authenticated'],
    });
  });

  it('for a node’s server keeps the names it asked for', async () => {
    const subject = '/O=system:nodes/CN=system:node:n1';
    const signerName = 'kubernetes.io/kubelet-serving';
    await ask('node', {
      subject,
      signerName,
      usages: ['server auth', 'digital signature'],
      names: 'DNS:n1,IP:192.168.1.10',
    });
    await decide('node', 'Approved');
    const { certificate } = await outcome('node');
    expect([certificate!.checkHost('n1'), certificate!.checkIP('192.168.1.10')]).toEqual(['n1', '192.168.1.10']);
    expect(certificate!.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it.each<[string, Wanted, string]>([
    ['usages', { usages: ['server auth'] }, 'usages did not match'],
    [
      'no-node',
      { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' },
      'subject organization is not system:nodes',
    ],
    [
      'nameless',
      {
        signerName: 'kubernetes.io/kubelet-serving',
        usages: ['server auth'],
        subject: '/O=system:nodes/CN=system:node:n',
      },
      'DNS or IP subjectAltName is required',
    ],
  ])('that its signer cannot sign fails: %s', async (name, wanted, message) => {
    await ask(name, wanted);
    await decide(name, 'Approved');
    expect((await outcome(name)).failed).toContain(message);
  });

  it('that is denied, or of another signer, is left alone', async () => {
    await ask('denied');
    const both = await decide('denied', 'Denied');
    expect(both.body.status.conditions[0]).toMatchObject({ type: 'Denied', lastTransitionTime: expect.any(String) });
    await ask('foreign', { signerName: 'example.com/own' });
    await decide('foreign', 'Approved');
    await ask('last');
    await decide('last', 'Approved');
    await outcome('last'); // whoever came before has been looked at
    const { body } = await server.ask('GET', REQUESTS, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const states = Object.fromEntries(body.rows.map(({ cells }: { cells: string[] }) => [cells[0], cells[5]]));
    expect(states).toMatchObject({
      denied: 'Denied',
      foreign: 'Approved',
      last: 'Approved,Issued',
      usages: 'Approved,Failed',
    });
  });

  it.each<[string, Wanted & { request?: string }, number, string]>([
    [
      'master',
      { subject: '/O=system:masters/CN=eve' },
      403,
      'use of kubernetes.io/kube-apiserver-client signer with system:masters',
    ],
    ['garbage', { request: 'bm8=' }, 422, 'PEM block type must be CERTIFICATE REQUEST'],
    ['brief', { expirationSeconds: 60 }, 422, 'may not specify a duration less than 600 seconds'],
    ['signer', { signerName: 'nobody' }, 422, 'must be a fully qualified domain and path'],
  ])('is refused: %s', async (name, wanted, code, message) => {
    const { reply } = await ask(name, wanted);
    expect(reply.body).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('that somebody changed after signing it fails', async () => {
    const { reply } = await ask('forged');
    const pem = Buffer.from(reply.body.spec.request, 'base64').toString();
    const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
    der[der.indexOf('ann')] += 1;
    const request = Buffer.from(
      `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    );
    const spec = { request: request.toString('base64'), signerName: CLIENT, usages: ['client auth'] };
    await server.ask('POST', REQUESTS, { body: { metadata: { name: 'bent' }, spec } });
    await decide('bent', 'Approved');
    expect((await outcome('bent')).failed).toContain('invalid signature');
  });
});
