// What people do with a pod by kubectl, the newest at hand (WebSockets) and 1.27 (SPDY), at a real terminal where it takes one.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';

const newest = (process.env.PATH ?? '')
  .split(':')
  .map((folder) => join(folder, 'kubectl'))
  .find(existsSync);
const old = newest && join(dirname(realpathSync(newest)), 'kubectl.1.27');
const KUBECTLS = [...(newest ? [['kubectl', newest]] : []), ...(old && existsSync(old) ? [['kubectl 1.27', old]] : [])];

// Most of it is 100 MiB on a machine that other tests share.
vi.setConfig({ testTimeout: 240_000 });

let script: Script;
beforeAll(async () => {
  script = await namespaceScript('test/node/streams.script.ts');
});
afterAll(() => script.remove());

const play = (scene: string, kubectl = newest): Promise<Record<string, unknown>> =>
  script.run({ scene, kubectl }, { timeoutMs: 240_000 });

describe.each(KUBECTLS)('%s', (_name, kubectl) => {
  it('runs commands, with a terminal and without', async () => {
    const seen = await play('commands', kubectl);
    expect(seen).toMatchObject({
      both: { exitCode: 3, stdout: 'out blue\n' },
      typed: { exitCode: 0, stdout: '2\n' },
      missing: { exitCode: 1 },
      stranger: { exitCode: 1 },
      files: { exitCode: 0, stderr: 'to the file\n' },
      terminal: 7,
    });
    expect(seen.both).toHaveProperty('stderr', expect.stringContaining('err\n'));
    expect(seen.missing).toHaveProperty(
      'stderr',
      expect.stringContaining('exec: "nope": executable file not found in $PATH'),
    );
    expect(seen.stranger).toHaveProperty('stderr', expect.stringContaining('container other is not valid for pod box'));
  });

  it('attaches to containers, which outlive the agent, and runs some to talk to', async () => {
    const seen = await play('attaching', kubectl);
    expect(seen).toMatchObject({ again: true, piped: { exitCode: 0 }, asker: 5, previous: true });
    expect(seen.piped).toHaveProperty('stdout', expect.stringContaining('b1946ac92492d2347c6235b4d2611184'));
  });

  it('forwards ports, and the API server proxies to pods, Services and nodes', async () => {
    const seen = await play('ports', kubectl);
    expect(seen).toMatchObject({ first: 'web\n', second: 'port: 9090\n', posted: 'method: POST\n', nobody: 52 });
    expect(String(seen.many).trim()).toBe('40 web');
    expect(seen.proxied).toMatchObject({ pod: 'web\n', node: 'ok' });
    expect(JSON.parse((seen.proxied as { service: string }).service)).toMatchObject({ port: 9090, path: '/a?json=1' });
    expect(seen.proxied).toHaveProperty(
      'nobody',
      expect.stringMatching(/error trying to reach service: dial tcp [\d.]+:81: connect: connection refused/),
    );
    expect(seen.proxied).toHaveProperty(
      'noPort',
      expect.stringContaining('no service port 81 found for service "web"'),
    );
  });

  it('carries 100 MiB both ways without losing a byte', async () => {
    const { sum, ...others } = await play('large', kubectl);
    expect(others).toEqual({ through: sum, slow: '30000000', copied: sum, back: sum });
  });

  it('leaves nothing behind, however it ends', async () => {
    expect(await play('leftovers', kubectl)).toMatchObject({ sessions: 0, code: expect.any(Number) });
  });
});

describe.runIf(newest)('the agent', () => {
  it('gives out logs, cut as asked, and says why there are none', async () => {
    const seen = await play('logs');
    expect(seen).toMatchObject({
      all: ['', 'bad', 'line 1', 'line 2', 'line 3'],
      tail: 3,
      timed: true,
      none: '',
      bytes: 5,
      followed: Array.from({ length: 20 }, (_, i) => `${i}`),
      labelled: true,
    });
    expect(seen.previous).toContain('previous terminated container "talker" in pod "talker" not found');
    expect(seen.stranger).toContain('container other is not valid for pod talker');
    expect(seen.nobody).toContain('pods "nobody" not found');
    expect(seen.negative).toContain('tailLines: Invalid value: -1: must be greater than or equal to 0');
    expect(seen.unknownImage).toMatch(
      /container "nowhere" in pod "nowhere" is waiting to start: (image can't be pulled|trying and failing to pull image)/,
    );
  });

  it('lets nobody in but the API server', async () => {
    expect(await play('strangers')).toEqual({ anonymous: 'Unauthorized', name: 'system:node:node-1', other: 401 });
  });
});

it('serves @kubernetes/client-node', async () => {
  expect(await play('library')).toMatchObject({ status: { status: 'Success' }, isSame: true });
});
