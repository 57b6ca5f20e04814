// Labs and their directories: side by side, twice in one, forgotten; and what a lab says that cannot start.

import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../host/exec.ts';
import { VITRINE } from '../harness/apiserver.ts';
import { eventually, processesIn, TestLab } from '../harness/lab.ts';

const isRoot = process.getuid!() === 0;

/** What a command that must fail said, and how it ended. */
async function failing(command: Promise<string>): Promise<{ exitCode: number; stderr: string }> {
  const failure: unknown = await command.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  const { exitCode, stderr } = failure as { exitCode: number; stderr: string };
  return { exitCode, stderr };
}

describe('two labs', () => {
  const labs = [new TestLab({ nodes: 1 }), new TestLab({ nodes: 2, proxyMode: 'nftables' })] as const;

  beforeAll(() => Promise.all(labs.map((lab) => lab.up())).then(() => {}));
  afterAll(() => Promise.all(labs.map((lab) => lab.remove())).then(() => {}));

  it('stand side by side: the same addresses, nothing in common', { timeout: 120_000 }, async () => {
    const answers = labs.map(async (lab, number) => {
      await lab.kubectl('create', 'deployment', `backend-${number}`, '--image=echo');
      await lab.kubectl(
        'expose',
        'deployment',
        `backend-${number}`,
        '--cluster-ip=10.96.0.77',
        '--port=80',
        '--target-port=8080',
      );
      const ask = async (): Promise<string> =>
        (await lab.exec('node-1', 'curl', '-s', '-m', '1', 'http://10.96.0.77')).stdout;
      return eventually(ask, (text) => text.startsWith('pod: backend-'), 20_000);
    });
    const [first, second] = await Promise.all(answers);
    expect(first).toMatch(/^pod: backend-0-/);
    expect(second).toMatch(/^pod: backend-1-/);
    const nodes = await Promise.all(labs.map((lab) => lab.kubectl('get', 'nodes', '-o', 'name')));
    expect(nodes).toEqual(['node/node-1\n', 'node/node-1\nnode/node-2\n']);
  });

  it('end one by one', { timeout: 120_000 }, async () => {
    const [first, second] = labs;
    await first.down();
    expect((await second.exec('node-2', 'curl', '-s', '-m', '2', 'http://10.96.0.77')).stdout).toMatch(
      /^pod: backend-1-/,
    );
  });
});

describe('a lab', () => {
  let lab: TestLab;
  afterEach(() => lab.remove());

  it('starts once, however many ask for it at the same time', { timeout: 120_000 }, async () => {
    lab = new TestLab({ nodes: 1 });
    const asked = await Promise.allSettled([lab.up(), lab.up(), lab.up()]);
    const refusals = asked.filter((one) => one.status === 'rejected').map(({ reason }) => reason.stderr);
    expect(refusals.length).toBe(2);
    for (const words of refusals) expect(words).toMatch(/a lab runs in .* already/);
    expect(await lab.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1\n');
  });

  it('says that its port is taken, and leaves nothing', async () => {
    lab = new TestLab({ nodes: 1 });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const said = await failing(lab.vitrine('lab', 'up', `--secure-port=${port}`));
    other.close();
    expect(said).toEqual({
      exitCode: 1,
      stderr: `vitrine lab up: port ${port} is in use on 127.0.0.1; choose another with --secure-port\n`,
    });
    expect(existsSync(`${lab.directory}/run/lab.json`)).toBe(false);
  });

  it('keeps its port, and says so when another program has taken it meanwhile', { timeout: 120_000 }, async () => {
    lab = new TestLab({ nodes: 1 });
    const server = async (): Promise<URL> => {
      const path = 'jsonpath={.clusters[0].cluster.server}';
      return new URL(await lab.kubectl('config', 'view', '-o', path));
    };
    await lab.up();
    const { port } = await server();
    await lab.down();
    await lab.up();
    expect((await server()).port).toBe(port);
    await lab.down();
    const other = createServer().listen(Number(port), '127.0.0.1');
    await once(other, 'listening');
    const { exitCode, stderr } = await failing(lab.vitrine('lab', 'up'));
    other.close();
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`port ${port}, which the lab used`),
    });
  });

  it('is forgotten by reset, but only when it does not run', { timeout: 120_000 }, async () => {
    lab = new TestLab({ nodes: 1 });
    await lab.up();
    await lab.kubectl('create', 'configmap', 'kept');
    expect(await failing(lab.vitrine('lab', 'reset'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/runs; stop it first: vitrine lab down --dir/),
    });
    await lab.down();
    writeFileSync(`${lab.directory}/mine.txt`, 'not a lab’s');
    await lab.vitrine('lab', 'reset');
    expect(readdirSync(lab.directory)).toEqual(['mine.txt']);
    expect(await failing(lab.vitrine('lab', 'reset'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('no lab'),
    });
    await lab.up();
    expect(await lab.kubectl('get', 'configmaps', '-o', 'name')).not.toContain('kept');
  });

  it('ends with the reason when one of its programs cannot run', { timeout: 120_000 }, async () => {
    lab = new TestLab({ nodes: 1 });
    writeFileSync(`${lab.directory}/data`, 'no directory');
    const said = await run([VITRINE, 'lab', 'up', `--dir=${lab.directory}`, '--nodes=1'], { timeoutMs: 80_000 });
    expect(said.exitCode).toBe(1);
    expect(said.stdout).toMatch(
      /apiserver ended with exit code 1 \(vitrine apiserver: cannot use .*\/data.*\); starts again/,
    );
    expect(said.stdout).toMatch(
      /the lab ends: apiserver ended with exit code 1, 6 times in a row; it said:\nvitrine apiserver: /,
    );
    expect(said.stdout).toMatch(/all that was said is in .*\/logs$/m);
    expect(existsSync(`${lab.directory}/run`)).toBe(false);
  });

  it.each(['0', '21', '-1', '1.5', 'three'])('has 1 to 20 nodes, not %s', async (nodes) => {
    lab = new TestLab();
    expect(await failing(lab.vitrine('lab', 'up', `--nodes=${nodes}`))).toEqual({
      exitCode: 2,
      stderr: 'vitrine lab up: --nodes: a lab has 1 to 20 nodes\n',
    });
  });

  it('has as many nodes as it may', { timeout: 180_000 }, async () => {
    lab = new TestLab({ nodes: 20 });
    await lab.up();
    const jsonpath = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
    // Twenty nodes at work leave little of two cores to the API server: kubectl's patience with a TLS handshake is 10 s.
    await eventually(
      () => lab.kubectl('get', 'nodes', '-o', jsonpath).catch((error: Error) => error.message),
      (ready) => ready === Array(20).fill('True').join(' '),
      60_000,
    );
    expect(await failing(lab.vitrine('lab', 'add'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('20 nodes at most'),
    });
    const namespace = lab.userNamespace();
    await lab.down();
    expect(processesIn(namespace)).toEqual([]);
  });
});

describe.skipIf(!isRoot)('on a machine that lacks packages (needs root to become an ordinary user)', () => {
  let lab: TestLab;
  beforeAll(() => {
    lab = new TestLab({ asUser: true, without: ['iptables', 'iptables-save', 'iptables-restore', 'conntrack'] });
  });
  afterAll(() => lab.remove());

  it('`vitrine lab up` says what to install', async () => {
    const said = await failing(lab.vitrine('lab', 'up'));
    expect(said).toEqual({
      exitCode: 1,
      stderr:
        'vitrine lab up: this machine lacks iptables, iptables-save, iptables-restore, conntrack; on Debian or Ubuntu install with:\n' +
        '  sudo apt-get update && sudo apt-get install -y --no-install-recommends conntrack iptables\n',
    });
  });

  it('`npm start` says so too', async () => {
    const start = new URL('../../scripts/start.sh', import.meta.url).pathname;
    expect(await lab.beside('bash', start)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'vitrine: missing Debian packages; install them with:\n' +
        '  sudo apt-get update && sudo apt-get install -y --no-install-recommends iptables conntrack\n',
    });
  });
});
