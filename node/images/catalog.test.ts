import { describe, expect, it } from 'vitest';
import { ImageError } from '../runtime.ts';
import { Catalog } from './catalog.ts';
import { baseName, checkReference, normalReference } from './reference.ts';

it.each([
  ['echo', 'echo', 'docker.io/library/echo:latest'],
  ['nginx:1.27', 'nginx', 'docker.io/library/nginx:1.27'],
  ['team/web', 'web', 'docker.io/team/web:latest'],
  ['docker.io/library/nginx:1.27', 'nginx', 'docker.io/library/nginx:1.27'],
  ['docker.io/nginx', 'nginx', 'docker.io/library/nginx:latest'],
  ['localhost:5000/team/echo', 'echo', 'localhost:5000/team/echo:latest'],
  ['localhost/echo:1', 'echo', 'localhost/echo:1'],
  ['registry.k8s.io/echoserver:1.10', 'echoserver', 'registry.k8s.io/echoserver:1.10'],
  [`a@sha256:${'0'.repeat(64)}`, 'a', `docker.io/library/a@sha256:${'0'.repeat(64)}`],
])('%s is called %s, in full %s', (reference, name, full) => {
  expect(baseName(reference)).toBe(name);
  expect(normalReference(reference)).toBe(full);
  expect(() => checkReference(reference)).not.toThrow();
});

it.each([
  ['UPPER:1', 'repository name (library/UPPER) must be lowercase'],
  ['a b', 'invalid reference format'],
  ['', 'invalid reference format'],
  ['../x', 'invalid reference format'],
])('%j is no name of an image', (reference, why) => {
  expect(() => checkReference(reference)).toThrow(why);
});

describe('images', () => {
  const catalog = new Catalog();
  const command = async (
    image: string,
    asked: { command?: string[]; args?: string[]; ports?: number[] } = {},
    from = catalog,
  ): Promise<string> => (await from.resolve(image)).image.command({ ports: [], ...asked }).join(' ');

  it.each([
    ['echo', {}, '/usr/bin/perl /opt/echo -port=8080'],
    ['echo', { ports: [80, 9090, 80] }, '/usr/bin/perl /opt/echo -port=80 -port=9090'],
    ['nginx', {}, '/usr/bin/perl /opt/echo -port=80'],
    ['httpd:2', {}, '/usr/bin/perl /opt/echo -port=80'],
    ['hashicorp/http-echo', { args: ['-text=hi'] }, '/usr/bin/perl /opt/echo -port=5678 -text=hi'],
    ['registry.k8s.io/echoserver:1.4', {}, '/usr/bin/perl /opt/echo -port=8080 -echoserver'],
    ['registry.k8s.io/serve_hostname', {}, '/agnhost serve-hostname'],
    ['registry.k8s.io/serve_hostname', { args: ['--port=80'] }, '/agnhost serve-hostname --port=80'],
    ['busybox', {}, 'sh'],
    ['busybox:1.36', { command: ['sleep'], args: ['5'] }, 'sleep 5'],
    ['busybox', { args: ['date'] }, 'date'],
    ['registry.k8s.io/e2e-test-images/agnhost:2.53', {}, '/agnhost pause'],
    [
      'registry.k8s.io/e2e-test-images/agnhost:2.53',
      { args: ['netexec', '--http-port=80'] },
      '/agnhost netexec --http-port=80',
    ],
    ['vitrine-dns', { args: ['--ttl=5'] }, '/opt/node /opt/vitrine/bin/vitrine dns --ttl=5'],
    ['registry.k8s.io/pause:3.10', {}, expect.stringContaining('/usr/bin/perl -e')],
  ])('%s with %j runs %s', async (image, asked, expected) => {
    expect(await command(image, asked)).toEqual(expected);
  });

  it('say when another stands in for them', async () => {
    expect((await catalog.resolve('nginx')).notice?.message).toContain('"echo" stands in');
    expect((await catalog.resolve('echo')).notice).toBeUndefined();
  });

  it.each(['redis', 'constructor', 'echo2'])('%j does not exist, and the error says what does', async (image) => {
    await expect(catalog.resolve(image)).rejects.toThrow(ImageError);
    await expect(catalog.resolve(image)).rejects.toThrow(/there are echo, busybox, pause, agnhost, vitrine-dns, nginx/);
  });

  it.each([
    [{}, '/usr/bin/perl /opt/echo -port=8080'],
    [{ command: ['postgres'], ports: [5432] }, '/usr/bin/perl /opt/echo -port=5432'],
    [{ command: ['false'] }, 'false'],
    [{ command: ['/bin/sleep', '5'] }, '/bin/sleep 5'],
    [{ args: ['sleep', '5'] }, 'sleep 5'],
    [{ args: ['--verbose'] }, '/usr/bin/perl /opt/echo -port=8080'],
  ])('stood in for, an unknown one with %j runs %s', async (asked, expected) => {
    const willing = new Catalog({ standIn: true });
    expect(await command('postgres:16', asked, willing)).toBe(expected);
    expect((await willing.resolve('postgres:16')).notice).toMatchObject({
      type: 'Warning',
      message: expect.stringContaining('"postgres:16": not found'),
    });
  });
});
