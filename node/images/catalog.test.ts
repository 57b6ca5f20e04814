import { describe, expect, it } from 'vitest';
import { ImageError } from '../runtime.ts';
import { baseName, resolveImage } from './catalog.ts';

it.each([
  ['echo', 'echo'],
  ['nginx:1.27', 'nginx'],
  ['docker.io/library/nginx:1.27@sha256:abc', 'nginx'],
  ['localhost:5000/team/echo', 'echo'],
  ['registry.k8s.io/echoserver:1.10', 'echoserver'],
])('%s is called %s', (reference, name) => {
  expect(baseName(reference)).toBe(name);
});

describe('images', () => {
  const command = (image: string, asked: { command?: string[]; args?: string[]; ports?: number[] } = {}): string =>
    resolveImage(image)
      .image.command({ ports: [], ...asked })
      .join(' ');

  it.each([
    ['echo', {}, '/usr/bin/perl /opt/echo -port=8080'],
    ['echo', { ports: [80, 9090, 80] }, '/usr/bin/perl /opt/echo -port=80 -port=9090'],
    ['nginx', {}, '/usr/bin/perl /opt/echo -port=80'],
    ['httpd:2', {}, '/usr/bin/perl /opt/echo -port=80'],
    ['hashicorp/http-echo', { args: ['-text=hi'] }, '/usr/bin/perl /opt/echo -port=5678 -text=hi'],
    ['registry.k8s.io/echoserver:1.4', {}, '/usr/bin/perl /opt/echo -port=8080'],
    ['busybox', {}, 'sh'],
    ['busybox', { command: ['sleep'], args: ['5'] }, 'sleep 5'],
    ['busybox', { args: ['date'] }, 'date'],
  ])('%s with %j runs %s', (image, asked, expected) => {
    expect(command(image, asked)).toBe(expected);
  });

  it('say when another stands in for them', () => {
    expect(resolveImage('nginx').notice).toContain('"echo" stands in');
    expect(resolveImage('echo').notice).toBeUndefined();
  });

  it.each(['redis', 'constructor', 'echo2', ''])('%j does not exist, and the error says what does', (image) => {
    expect(() => resolveImage(image)).toThrow(ImageError);
    expect(() => resolveImage(image)).toThrow(/there are echo, busybox, pause, nginx/);
  });
});
