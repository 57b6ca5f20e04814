import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadKubeconfig } from './kubeconfig.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string, context?: string) {
  const file = join(folder, 'config');
  await writeFile(file, text);
  return loadKubeconfig(file, context);
}

const yaml = (user: string, cluster = 'server: "https://a:6443"'): string => `
current-context: one
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: d, user: u}}]
clusters: [{name: c, cluster: {${cluster}}}, {name: d, cluster: {server: "https://b"}}]
users: [{name: u, user: {${user}}}]
`;

describe('loadKubeconfig', () => {
  it('reads YAML, data and files relative to itself', async () => {
    await writeFile(join(folder, 'ca.pem'), 'the ca');
    const data = Buffer.from('the key').toString('base64');
    const read = await load(
      yaml(
        `token: t, tokenFile: tok, client-key-data: ${data}`,
        'server: "https://a:6443", certificate-authority: ca.pem',
      ),
    );
    expect(read).toMatchObject({
      server: 'https://a:6443',
      token: 't',
      tokenFile: join(folder, 'tok'),
      insecure: false,
    });
    expect([read.ca?.toString(), read.key?.toString()]).toEqual(['the ca', 'the key']);
  });

  it('reads JSON, and the context asked for', async () => {
    const json = {
      contexts: [{ name: 'x', context: { cluster: 'c' } }],
      clusters: [{ name: 'c', cluster: { server: 'http://h:1' } }],
    };
    expect((await load(JSON.stringify(json), 'x')).server).toBe('http://h:1');
    expect((await load(yaml('token: t'), 'two')).server).toBe('https://b');
  });

  it.each([
    [yaml('exec: {command: x}'), 'credentials by "exec" are not supported'],
    [yaml('token: t', 'proxy-url: "http://p", server: "https://a"'), 'proxy-url is not supported'],
    [yaml('token: t', 'insecure-skip-tls-verify: true'), 'no server for cluster "c"'],
    ['{}', 'no current-context'],
    ['', 'no current-context'],
  ])('refuses what it cannot follow', async (text, message) => {
    await expect(load(text)).rejects.toThrow(message);
  });

  it('says which file is missing', async () => {
    await expect(loadKubeconfig(join(folder, 'nowhere'))).rejects.toThrow(
      `kubeconfig ${join(folder, 'nowhere')}: no such file`,
    );
  });
});
