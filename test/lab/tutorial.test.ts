// The tutorial as a program proves every claim: as root and as an ordinary user, in both proxy modes.
import { describe, expect, it } from 'vitest';
import { missingPrograms } from '../../lab/requirements.ts';
import { TestLab } from '../harness/lab.ts';

const isRoot = process.getuid!() === 0;
const noKubectl = (await missingPrograms(process.env.PATH!, ['kubectl'])).length > 0;

describe.skipIf(noKubectl)('vitrine tutorial', () => {
  it.each([
    { proxyMode: 'iptables', asUser: isRoot },
    { proxyMode: 'nftables', asUser: false },
  ] as const)(
    'proves its claims with $proxyMode, as an ordinary user: $asUser',
    { timeout: 400_000 },
    async ({ proxyMode, asUser }) => {
      const place = new TestLab({ asUser });
      try {
        const { exitCode, stdout, stderr } = await place.walkTutorial(proxyMode);
        expect(stdout.split('\n').filter((line) => line.includes('✘'))).toEqual([]);
        expect(stderr).toBe('');
        expect(stdout).toMatch(/\n3\d claims proved.*, 0 disproved, 2 open\n$/);
        expect(exitCode).toBe(0);
      } finally {
        await place.remove();
      }
    },
  );
});
