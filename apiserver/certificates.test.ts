import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { issue } from './certificate-issuer.ts';
import { clusterCertificates, nodeCertificate } from './certificates.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certificates-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('are signed by the authority, valid for every name, and kept with keys only their owner reads', async () => {
  const names = ['127.0.0.1', '::1', 'localhost', 'kubernetes.default.svc'];
  const first = await clusterCertificates({ directory, names });
  const certificate = new X509Certificate(first.cert);
  expect(certificate.verify(new X509Certificate(first.caCert).publicKey)).toBe(true);
  expect(certificate.checkHost('kubernetes.default.svc')).toBeDefined();
  expect(certificate.checkIP('::1')).toBeDefined();
  expect((await stat(join(directory, 'pki', 'apiserver.key'))).mode & 0o777).toBe(0o600);
  expect(await clusterCertificates({ directory, names })).toMatchObject({
    cert: first.cert,
    key: first.key,
    caCert: first.caCert,
  });
});

it('are made anew for a new name, by the same authority', async () => {
  const first = await clusterCertificates({ directory, names: ['127.0.0.1'] });
  const second = await clusterCertificates({ directory, names: ['127.0.0.1', '192.168.1.1'] });
  expect(second.caCert).toBe(first.caCert);
  expect(new X509Certificate(second.cert).checkIP('192.168.1.1')).toBe('192.168.1.1');
});

it('hold what OpenSSL asks of strict clients', async () => {
  const { caCert } = await clusterCertificates({ directory, names: ['127.0.0.1', '::1', 'localhost'] });
  const [ca, leaf] = ['ca', 'apiserver'].map((name) => join(directory, 'pki', `${name}.crt`));
  const said = execFileSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, leaf]);
  expect(said.toString()).toBe(`${leaf}: OK\n`);
  expect(new X509Certificate(caCert).ca).toBe(true);
});

it('are not issued in the name of somebody else', async () => {
  const { key, caCert } = await clusterCertificates({ directory, names: [] });
  const leaf = await readFile(join(directory, 'pki', 'apiserver.crt'), 'utf8');
  const identity = { commonName: 'x', usage: 'serverAuth', names: ['localhost'] } as const;
  expect(() => issue({ cert: caCert, key }, identity)).not.toThrow();
  expect(() => issue({ cert: leaf, key }, identity)).toThrow('cannot issue certificates');
});

it('tell the nodes who the server is, and the server who a node is', async () => {
  expect(await nodeCertificate(directory, 'node-1', ['192.168.1.10'])).toBeUndefined();
  const { kubeletClient, caCert } = await clusterCertificates({ directory, names: [] });
  expect(new X509Certificate(kubeletClient.cert).subject).toBe('O=system:masters\nCN=kube-apiserver-kubelet-client');
  const pki = (name: string): string => join(directory, 'pki', name);
  const verified = execFileSync('openssl', [
    'verify',
    '-x509_strict',
    '-purpose',
    'sslclient',
    '-CAfile',
    pki('ca.crt'),
    pki('apiserver-kubelet-client.crt'),
  ]);
  expect(verified.toString()).toContain('OK');
  const node = new X509Certificate((await nodeCertificate(directory, 'node-1', ['192.168.1.10']))!.cert);
  expect(node.verify(new X509Certificate(caCert).publicKey)).toBe(true);
  expect(node.checkIP('192.168.1.10')).toBe('192.168.1.10');
});
