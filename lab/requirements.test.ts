import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainMissing, labPath, missingPrograms } from './requirements.ts';

describe('what a machine must have', () => {
  it('is looked for where an ordinary user does not look', () => {
    expect(labPath('/usr/bin:/sbin')).toBe('/usr/bin:/sbin:/usr/local/sbin:/usr/sbin');
  });

  it('is missing when no folder has it as a program', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vitrine-path-'));
    for (const name of ['there', 'no-program']) writeFileSync(join(folder, name), '');
    chmodSync(join(folder, 'there'), 0o755);
    const missing = await missingPrograms(`/no/such/folder:${folder}`, ['there', 'no-program', 'absent']);
    rmSync(folder, { recursive: true });
    expect(missing).toEqual(['no-program', 'absent']);
  });

  it('is named with the one line that brings it, each package once', () => {
    expect(explainMissing([], 1000)).toBeUndefined();
    expect(explainMissing(['iptables', 'iptables-save', 'ip'], 1000)).toBe(
      'this machine lacks iptables, iptables-save, ip; on Debian or Ubuntu install with:\n' +
        '  sudo apt-get update && sudo apt-get install -y --no-install-recommends iproute2 iptables',
    );
    expect(explainMissing(['nft'], 0)).toMatch(
      /^ {2}apt-get update && apt-get install -y --no-install-recommends nftables$/m,
    );
  });
});
