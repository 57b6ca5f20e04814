// A lab that starts and ends again and again, and one of whose processes is killed at any moment of its start: nothing of it is left
// behind, and it can be started again. VITRINE_ROUNDS sets how often; the default is what a test run can afford.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { VITRINE } from '../harness/apiserver.ts';
import { eventually, processesIn, TestLab, userNamespaceOf } from '../harness/lab.ts';

const ROUNDS = Number(process.env.VITRINE_ROUNDS ?? 1);
/** ms within which a start is surely over on a machine that has nothing else to do. */
const START_MS = 3000;

describe('a lab of two nodes', { timeout: (ROUNDS + 1) * 90_000 }, () => {
  const lab = new TestLab({ nodes: 2 });
  const home = readlinkSync('/proc/self/ns/user');
  afterAll(() => lab.remove());

  /** `lab up` in the foreground, and what it said. */
  function start(): { launcher: ChildProcess; said: () => string; closed: Promise<unknown> } {
    const argv = ['lab', 'up', `--dir=${lab.directory}`, '--nodes=2'];
    const launcher = spawn(VITRINE, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: string[] = [];
    for (const stream of [launcher.stdout!, launcher.stderr!])
      stream.on('data', (chunk: Buffer) => chunks.push(String(chunk)));
    return { launcher, said: () => chunks.join(''), closed: once(launcher, 'close') };
  }

  /** The user namespace of the lab's box, once it has one. */
  const namespaceOf = (launcher: ChildProcess): string | undefined => {
    const found = descendants(launcher.pid!).map(userNamespace);
    return found.find((namespace) => namespace && namespace !== home);
  };

  /** No process, and with the last one the kernel takes namespaces, mounts and rules. */
  async function expectNothingLeft(namespace: string | undefined): Promise<void> {
    if (namespace) {
      await eventually(
        async () => processesIn(namespace),
        (left) => left.length === 0,
        15_000,
      );
    }
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(lab.directory);
  }

  it('leaves nothing behind when it ends, however often', async () => {
    for (let round = 0; round < ROUNDS + 1; round++) {
      const { launcher, said, closed } = start();
      await eventually(
        async () => said(),
        (text) => text.includes('To stop:'),
        60_000,
      );
      const namespace = namespaceOf(launcher);
      expect(namespace).toMatch(/^user:/);
      launcher.kill(round % 2 === 0 ? 'SIGINT' : 'SIGTERM');
      await closed;
      expect({ exitCode: launcher.exitCode, left: processesIn(namespace!) }).toEqual({ exitCode: 0, left: [] });
      await expectNothingLeft(namespace);
    }
  });

  const victims = [
    ['the launcher', /^\S*node \S+ lab up/],
    ["the box's parent", /^unshare --user/],
    ["the box's first process", /^sh -c/],
    ['the supervisor', /^\S*node \S+ lab supervise/],
    ['the API server', /^\S*node \S+ apiserver/],
    ['the controllers', /^\S*node \S+ lab controllers/],
    ['a node', /^\S*node \S+ lab machine/],
    ['the forwarder', /^perl \S+forwarder/],
    ['the API server’s way in', /^perl \S+egress/],
    ['the balancer', /^\S*node \S+ lab balancer/],
  ] as const;
  it.each(victims)('survives the death of %s while it starts, or ends whole', async (name, command) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { launcher, said, closed } = start();
      let namespace: string | undefined;
      const at = Date.now() + Math.random() * START_MS;
      let victim: number | undefined;
      // At a random moment; or as soon as there is such a process, when the moment is too early for it.
      await eventually(
        async () => {
          namespace ??= namespaceOf(launcher);
          victim = [launcher.pid!, ...descendants(launcher.pid!)].find((pid) => command.test(commandOf(pid)));
          return victim !== undefined && Date.now() >= at;
        },
        Boolean,
        60_000,
      );
      namespace ??= namespaceOf(launcher);
      tryKill(victim!);
      if (name !== 'the launcher') {
        await eventually(
          async () => said(),
          (text) => text.includes('To stop:') || launcher.exitCode !== null,
          60_000,
        );
        namespace = namespaceOf(launcher) ?? namespace;
        launcher.kill('SIGTERM');
      }
      await closed;
      await expectNothingLeft(namespace);
    }
  });

  it('starts again after all that', async () => {
    await lab.up();
    expect(await lab.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1\nnode/node-2\n');
  });
});

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it was faster
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended while we looked
  }
}

function userNamespace(pid: number): string | undefined {
  try {
    return userNamespaceOf(pid);
  } catch {
    return undefined; // it ended while we looked
  }
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return children.map(Number).flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // it ended while we looked
  }
}
