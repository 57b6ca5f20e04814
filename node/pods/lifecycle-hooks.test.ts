import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import type { Target } from '../probes/check.ts';
import type { Runtime } from '../runtime.ts';
import { runHook } from './lifecycle-hooks.ts';

describe('a hook', () => {
  const asked: string[] = [];
  const fellBack: string[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push(`${url} ${headers['user-agent']} ${headers.authorization}`);
    response.writeHead(500).end();
  });
  const options = { limitMs: 1000, clock: systemClock, fellBack: (host: string) => fellBack.push(host) };
  const target: Target = {
    container: { name: 'c' },
    containerID: 'u_c_0',
    podIP: '127.0.0.1',
    runtime: { exec: async () => ({ exitCode: 3, output: 'no' }) } as unknown as Runtime,
  };
  let port: number;
  beforeEach(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    asked.length = fellBack.length = 0;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('by http is content with any answer', async () => {
    expect(await runHook({ httpGet: { port, path: 'a' } }, target, options)).toBeUndefined();
    expect(asked).toEqual(['/a kube-lifecycle/1.36 undefined']);
  });

  it('by http fails when nobody answers', async () => {
    const problem = await runHook({ httpGet: { port: 1 } }, target, options);
    expect(problem).toBe('Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused');
  });

  it('by https falls back to http, without what only TLS may carry, and says so', async () => {
    const httpHeaders = [{ name: 'authorization', value: 'Basic eA==' }];
    const httpGet = { port, scheme: 'HTTPS' as const, httpHeaders };
    expect(await runHook({ httpGet }, target, options)).toBeUndefined();
    expect(asked).toEqual(['/ kube-lifecycle/1.36 undefined']);
    expect(fellBack).toEqual([`127.0.0.1:${port}`]);
  });

  it('by a command fails with what it said, and by tcp always', async () => {
    expect(await runHook({ exec: { command: ['x'] } }, target, options)).toBe('no');
    expect(await runHook({ tcpSocket: { port } }, target, options)).toBe('invalid handler');
  });
});
