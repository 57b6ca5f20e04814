// The README on a fresh checkout: `npm start` brings up the cluster, and every command in it does what it says.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../host/exec.ts';
import { eventually } from '../harness/lab.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** The commands of all ```sh blocks, in order. */
const SCRIPT = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block).join('\n');
/** The first column of the table of further commands. */
const TABLE = [...README.matchAll(/^\| `([^`]+)` \|/gm)].map(([, command]) => command);

describe('the README', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'vitrine-checkout-'));
  const other = mkdtempSync(join(tmpdir(), 'vitrine-other-'));
  const started: ChildProcess[] = [];

  beforeAll(() => {
    const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' });
    for (const file of list.split('\0').filter((name) => name && existsSync(join(ROOT, name)))) {
      mkdirSync(join(checkout, dirname(file)), { recursive: true });
      cpSync(join(ROOT, file), join(checkout, file));
    }
  });
  afterAll(async () => {
    for (const child of started) await stop(child);
    rmSync(checkout, { recursive: true, force: true });
    rmSync(other, { recursive: true, force: true });
  });

  /** Starts a command as at a terminal; resolves when it has said `words`. */
  async function start(command: string, words: string): Promise<ChildProcess> {
    const [program, ...args] = command.split(' ');
    const child = spawn(program, args, { cwd: checkout, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    let said = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    }
    const isUp = (text: string): boolean => text.includes(words) || child.exitCode !== null;
    await eventually(async () => said, isUp, 240_000);
    expect(said).toContain(words);
    return child;
  }

  /** Ctrl-C: the signal goes to the whole foreground group. npm passes it on by dying of it. */
  async function stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close'); // nobody holds its output any more
    process.kill(-child.pid!, 'SIGINT');
    await ended;
    expect(child.exitCode === 0 || child.signalCode === 'SIGINT').toBe(true);
  }

  const shell = (script: string) =>
    run(['bash', '-euo', 'pipefail', '-c', script], { cwd: checkout, timeoutMs: 120_000 });

  it('starts a cluster on a fresh checkout, where every command works', { timeout: 420_000 }, async () => {
    const lab = await start('npm start', 'In a second terminal');
    const said = await shell(SCRIPT);
    expect(said).toMatchObject({ exitCode: 0 });
    const { stdout } = said;
    expect(stdout.match(/^pod: backend-/gm)?.length).toBe(4);
    for (const seen of [
      /^node-3 +Ready /m,
      /192\.168\.1\.12/,
      /-j KUBE-SERVICES$/m,
      /^10\.244\.1\.0\/24 via 192\.168\.1\.10/m,
    ]) {
      expect(stdout).toMatch(seen);
    }
    await stop(lab);
    expect(existsSync(join(checkout, '.vitrine/run'))).toBe(false);
    expect(existsSync(join(checkout, '.vitrine/data'))).toBe(true);
  });

  it('lists further commands that work', { timeout: 240_000 }, async () => {
    const ways: Record<string, () => Promise<void>> = {
      'npm start -- --proxy-mode nftables': async () => {
        await start('npm start -- --proxy-mode nftables', 'In a second terminal');
      },
      'npm start -- --nodes 5 --dir /tmp/other': async () => {
        const second = await start(`npm start -- --nodes 5 --dir ${other}`, 'In a second terminal');
        await stop(second);
      },
      'bin/vitrine lab stop node-2': async () => {
        expect(await shell('bin/vitrine lab stop node-2')).toMatchObject({ exitCode: 0 });
      },
      'bin/vitrine lab start node-2': async () => {
        const wait = 'kubectl --kubeconfig .vitrine/kubeconfig wait --for=condition=Ready node/node-2 --timeout=30s';
        expect(await shell(`bin/vitrine lab start node-2; ${wait}`)).toMatchObject({ exitCode: 0 });
      },
      'bin/vitrine lab add': async () => {
        const { exitCode, stdout } = await shell('bin/vitrine lab add; bin/vitrine lab status');
        expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('node-4') });
      },
      'bin/vitrine lab down': async () => {
        expect(await shell('bin/vitrine lab down')).toMatchObject({ exitCode: 0 });
        await eventually(
          async () => started[1]?.exitCode,
          (code) => code === 0,
        );
      },
      'bin/vitrine lab reset': async () => {
        expect(await shell('bin/vitrine lab reset')).toMatchObject({ exitCode: 0 });
        expect(existsSync(join(checkout, '.vitrine/data'))).toBe(false);
      },
      'bin/vitrine apiserver --data-dir memory --secure-port 0 --write-kubeconfig FILE': async () => {
        const file = join(other, 'kubeconfig');
        const server = await start(
          `bin/vitrine apiserver --data-dir memory --secure-port 0 --write-kubeconfig ${file}`,
          'ready',
        );
        expect(await shell(`kubectl --kubeconfig ${file} get namespaces`)).toMatchObject({ exitCode: 0 });
        await stop(server);
      },
      'npm run tutorial': async () => {
        // All of it is walked by tutorial.test.ts.
        const { exitCode, stdout } = await shell('npm run tutorial -- --help');
        expect({ exitCode, stdout }).toMatchObject({
          exitCode: 0,
          stdout: expect.stringContaining('proves every claim'),
        });
      },
      'npm test': async () => {}, // this is it
      'npm run bench': async () => {
        const { exitCode, stdout } = await shell('npm run bench -- --seconds 1 apiserver-start');
        expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ready') });
      },
    };
    expect(TABLE).toEqual(Object.keys(ways));
    for (const command of TABLE) await ways[command]();
  });
});
