// The tutorial as a program proves every claim: as root and as an ordinary user, in both proxy modes, over both pod networks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { eventually, processesIn, TestLab, userNamespaceOf, VITRINE } from '../harness/lab.ts';

const isRoot = process.getuid!() === 0;
const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

describe.skipIf(noKubectl)('vitrine tutorial', () => {
  it.each([
    { proxyMode: 'iptables', podNetwork: 'vxlan', asUser: isRoot, open: 2 },
    { proxyMode: 'nftables', podNetwork: 'routes', asUser: false, open: 3 },
  ] as const)(
    'proves its claims with $proxyMode and $podNetwork, as an ordinary user: $asUser',
    { timeout: 400_000 },
    async ({ proxyMode, podNetwork, asUser, open }) => {
      const place = new TestLab({ asUser });
      try {
        const { exitCode, stdout, stderr } = await place.walkTutorial(
          `--proxy-mode=${proxyMode}`,
          `--pod-network=${podNetwork}`,
        );
        const lines = stdout.split('\n');
        const disproved = lines.flatMap((line, i) => (line.includes('✘') ? lines.slice(i, i + 3) : []));
        expect(disproved).toEqual([]);
        expect(stderr).toBe('');
        expect(stdout).toMatch(new RegExp(`\\n3\\d claims proved.*, 0 disproved, ${open} open\\n$`));
        expect(exitCode).toBe(0);
      } finally {
        await place.remove();
      }
    },
  );

  it('takes its lab with it when it is killed', { timeout: 60_000 }, async () => {
    const place = new TestLab();
    const env = { ...process.env, TMPDIR: place.directory };
    const walk = spawn(VITRINE, ['tutorial'], { cwd: '/', env, stdio: 'ignore' });
    try {
      const user = await eventually(
        () => userNamespaceIn(place.directory).catch(() => undefined), // not there yet
        (namespace) => namespace !== undefined,
        30_000,
      );
      expect(processesIn(user!).length).toBeGreaterThan(3);
      walk.kill('SIGKILL');
      await eventually(
        async () => processesIn(user!),
        (left) => left.length === 0,
      );
    } finally {
      if (walk.exitCode === null && walk.signalCode === null) {
        walk.kill();
        await once(walk, 'exit');
      }
      await place.remove();
    }
  });
});

/** Of the lab that the tutorial made in `folder`, once all its nodes are ready. */
async function userNamespaceIn(folder: string): Promise<string | undefined> {
  const [lab] = (await readdir(folder)).filter((name) => name.startsWith('vitrine-tutorial-'));
  const running = await readFile(join(folder, lab, 'run/lab.json'), 'utf8');
  const { initPid, ready } = JSON.parse(running) as { initPid: number; ready: boolean };
  return ready ? userNamespaceOf(initPid) : undefined;
}
