import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container, Probe } from '../../api/types/core.v1.ts';
import type { Clock } from '../../host/clock.ts';
import type { Runtime } from '../runtime.ts';
import { check, type Target } from './check.ts';
import { portNumber } from './http.ts';
import { runProbes } from './run-probes.ts';

/** Time passes only by sleeping. */
function fakeClock(): Clock {
  let now = 1_000_000;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      now += ms;
      await Promise.resolve();
      if (signal?.aborted) throw signal.reason;
    },
  };
}

/** A runtime whose commands end with these exit codes, one after the other; then `done` is called. */
function execRuntime(exitCodes: number[], done: () => void): Runtime {
  const exec = async (): Promise<{ exitCode: number; output: string }> => {
    const exitCode = exitCodes.shift();
    if (exitCode === undefined) done();
    return { exitCode: exitCode ?? 0, output: `said ${exitCode}` };
  };
  return { exec } as unknown as Runtime;
}

async function probe(container: Partial<Container>, exitCodes: number[]): Promise<string[]> {
  const stop = new AbortController();
  const clock = fakeClock();
  const began = clock.now();
  const seen: string[] = [];
  const note = (text: string): void => {
    seen.push(`${(clock.now() - began) / 1000}s ${text}`);
  };
  const target: Target = {
    container: { name: 'c', ...container },
    containerID: 'u_c_0',
    podIP: '127.0.0.1',
    runtime: execRuntime(exitCodes, () => stop.abort()),
  };
  await runProbes(
    {
      target,
      containerStartedAt: began,
      isStarted: false,
      clock,
      decided: (kind, healthy) => note(`${kind} ${healthy}`),
      failed: (kind, output) => note(`${kind} failed: ${output}`),
      warned: (kind, output) => note(`${kind} warned: ${output}`),
    },
    stop.signal,
    new AbortController().signal,
  );
  return seen;
}

const exec: Probe = { exec: { command: ['ok'] } };

describe('probes', () => {
  it('look at once, then every period', async () => {
    expect(await probe({ readinessProbe: { ...exec, periodSeconds: 5 } }, [0, 0])).toEqual([
      '0s Readiness true',
      '5s Readiness true',
    ]);
  });

  it('wait for initialDelaySeconds, and decide at the failure threshold', async () => {
    const readinessProbe = { ...exec, initialDelaySeconds: 3, failureThreshold: 2 };
    expect(await probe({ readinessProbe }, [1, 1])).toEqual([
      '3s Readiness failed: said 1',
      '13s Readiness failed: said 1',
      '13s Readiness false',
    ]);
  });

  it('give a container that has just started a second of quick looks', async () => {
    expect(await probe({ readinessProbe: exec }, [1, 1, 1, 0])).toEqual(['0.15s Readiness true']);
  });

  it('hold readiness and liveness back until the startup probe has succeeded', async () => {
    const seen = await probe({ startupProbe: exec, livenessProbe: { ...exec, failureThreshold: 1 } }, [0, 1]);
    expect(seen).toEqual(['0s Startup true', '0s Liveness failed: said 1', '0s Liveness false']);
  });
});

describe('a check', () => {
  const server = createServer((request, response) => {
    if (request.url === '/slow') return;
    const [, location] = request.url!.split('?to=');
    response.statusCode = location !== undefined ? 302 : Number(request.url!.slice(1)) || 200;
    if (location !== undefined) response.setHeader('location', decodeURIComponent(location));
    response.end(`said ${response.statusCode}`);
  });
  let target: Target;
  let port: number;
  beforeEach(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    const container = { name: 'c', ports: [{ name: 'web', containerPort: port }] };
    target = { container, containerID: 'u_c_0', podIP: '127.0.0.1', runtime: execRuntime([7, 124], () => {}) };
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['/200', true],
    ['/302', true],
    ['/399', true],
    ['/400', false],
    ['/503', false],
  ])('by http of %s: %s', async (path, success) => {
    const result = await check({ httpGet: { path, port: 'web' } }, target, 1000);
    expect(result.success).toBe(success);
    if (!success) expect(result.output).toBe(`HTTP probe failed with statuscode: ${path.slice(1)}`);
  });

  it.each([
    ['/200', true, 'said 200'],
    ['/503', false, 'HTTP probe failed with statuscode: 503'],
    ['http://example.com/503', true, 'Probe terminated redirects, Response body: said 302'],
    ['http://[', true, 'Probe terminated redirects, Response body: said 302'],
    ['/a?to=%2F503', false, 'HTTP probe failed with statuscode: 503'],
  ])('by http follows a redirect to %s, when it stays on the host', async (location, success, output) => {
    const action = { httpGet: { path: `/?to=${encodeURIComponent(location)}`, port } };
    const result = await check(action, target, 1000);
    expect(result).toEqual({ success, output, ...(output.startsWith('Probe') && { isWarning: true }) });
  });

  it('by http does not follow redirects for ever', async () => {
    const nested = Array.from({ length: 11 }).reduce<string>((to) => `/?to=${encodeURIComponent(to)}`, '/200');
    const result = await check({ httpGet: { path: nested, port } }, target, 1000);
    expect(result).toEqual({ success: false, output: expect.stringContaining('stopped after 10 redirects') });
  });

  it('by https of a server that speaks http says so', async () => {
    const result = await check({ httpGet: { path: '/200', port, scheme: 'HTTPS' } }, target, 1000);
    const output = `Get "https://127.0.0.1:${port}/200": http: server gave HTTP response to HTTPS client`;
    expect(result).toEqual({ success: false, output });
  });

  it('by http gives up in time', async () => {
    const result = await check({ httpGet: { path: '/slow', port } }, target, 50);
    expect(result).toEqual({ success: false, output: expect.stringContaining('context deadline exceeded') });
  });

  it('by tcp', async () => {
    expect(await check({ tcpSocket: { port } }, target, 1000)).toEqual({ success: true, output: '' });
    expect(await check({ tcpSocket: { port: 1 } }, target, 1000)).toEqual({
      success: false,
      output: 'dial tcp 127.0.0.1:1: connect: connection refused',
    });
  });

  it('by a command tells its output, and that it took too long', async () => {
    const action = { exec: { command: ['x'] } };
    expect(await check(action, target, 1000)).toEqual({ success: false, output: 'said 7' });
    expect((await check(action, target, 1000)).output).toBe('command timed out: ["x"] timed out after 1s');
  });

  it('of an unknown kind or port fails and says so', async () => {
    expect((await check({}, target, 1000)).output).toBe('missing probe handler');
    expect((await check({ tcpSocket: { port: 'nope' } }, target, 1000)).output).toBe('invalid port number: nope');
    expect(portNumber('web', target.container)).toBe(port);
  });
});
