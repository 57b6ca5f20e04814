// What people do with a pod by kubectl, a new one (WebSockets) and 1.27 (SPDY), at a real terminal where it takes one. How it bears a
// hundred times as much is test/checker/streams.ts.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findKubectl } from '../harness/cluster.ts';
import { namespaceScript, type Script } from '../network.ts';

const newest = findKubectl();
const old = newest && join(dirname(newest), 'kubectl.1.27');
const KUBECTLS = [...(newest ? [['kubectl', newest]] : []), ...(old && existsSync(old) ? [['kubectl 1.27', old]] : [])];
/** The first two end and start the agent, the last keeps the machine busy. */
const GROUPS = [['leftovers'], ['attaching'], ['commands', 'ports', 'large']];
const ONCE = [['logs', 'strangers', 'library'], ['usage']];

type Seen = Record<string, Record<string, unknown>>;

let script: Script;
/** By path of the kubectl. */
const played = new Map<string, Promise<Seen>>();

/** What was seen with one kubectl, all scenes on one node; with the newest, what depends on none is seen besides. */
function play(kubectl = newest!): Promise<Seen> {
  const groups = kubectl === newest ? [...GROUPS, ...ONCE] : GROUPS;
  const playing = played.get(kubectl) ?? script.run<Seen>({ groups, kubectl }, { timeoutMs: 240_000 });
  played.set(kubectl, playing);
  return playing;
}

beforeAll(async () => {
  script = await namespaceScript('test/node/streams.script.ts');
});
afterAll(() => script.remove());

describe.each(KUBECTLS)('%s', { timeout: 240_000 }, (_name, kubectl) => {
  it('runs commands, with a terminal and without', async () => {
    const { commands: seen } = await play(kubectl);
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
    const { attaching: seen } = await play(kubectl);
    expect(seen).toMatchObject({ again: true, piped: { exitCode: 0 }, asker: 5, previous: true });
    expect(seen.piped).toHaveProperty('stdout', expect.stringContaining('b1946ac92492d2347c6235b4d2611184'));
  });

  it('forwards ports, and the API server proxies to pods, Services and nodes', async () => {
    const { ports: seen } = await play(kubectl);
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

  it('carries much both ways without losing a byte, and waits for slow readers', async () => {
    const { sum, ...others } = (await play(kubectl)).large;
    expect(others).toEqual({ through: sum, slow: '30000000', copied: sum, back: sum });
  });

  it('leaves nothing behind, however it ends', async () => {
    expect((await play(kubectl)).leftovers).toMatchObject({ sessions: 0, code: expect.any(Number) });
  });
});

describe.runIf(newest)('the agent', { timeout: 240_000 }, () => {
  it('gives out logs, cut as asked, and says why there are none', async () => {
    const { logs: seen } = await play();
    expect(seen).toMatchObject({
      all: ['', 'bad', 'line 1', 'line 2', 'line 3'],
      socket: ['', 'bad', 'line 1', 'line 2', 'line 3'],
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

  it('tells what pods and the node use', async () => {
    const { usage: seen } = await play();
    expect(seen).toMatchObject({
      units: ['m', 'Mi'],
      sorted: ['busy', 'idle'],
      chosen: ['idle'],
      containers: ['spins', 'waits'],
      everywhere: [
        ['default', 'busy', expect.any(String), expect.any(String)],
        ['default', 'idle', expect.any(String), expect.any(String)],
      ],
      node: 'node-1',
      nobody: expect.stringContaining('podmetrics.metrics.k8s.io "default/nobody" not found'),
      group: [
        ['nodes', ['get', 'list']],
        ['pods', ['get', 'list']],
      ],
      one: {
        kind: 'PodMetrics',
        apiVersion: 'metrics.k8s.io/v1beta1',
        metadata: { name: 'idle', namespace: 'default', labels: { app: 'idle' } },
        window: expect.stringMatching(/^[\d.]+s$/),
        containers: [{ name: 'idle', usage: { cpu: expect.any(String), memory: expect.stringMatching(/^\d+Ki$/) } }],
      },
      table: ['NAME', 'CPU', 'MEMORY', 'WINDOW'],
      explained: true,
    });
    expect(seen.text).toMatch(
      /^container_cpu_usage_seconds_total\{container="spins",namespace="default",pod="busy"\} [\d.]+ \d{13}$/m,
    );
  });

  it('lets nobody in but the API server', async () => {
    expect((await play()).strangers).toEqual({ anonymous: 'Unauthorized', name: 'system:node:node-1', other: 401 });
  });

  it('serves @kubernetes/client-node', async () => {
    expect((await play()).library).toMatchObject({ status: { status: 'Success' }, isSame: true });
  });
});
