import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { measure, usageOf } from './usage.ts';

describe('what processes use', () => {
  it('counts the time of a process and of the children it has waited for', () => {
    const stat = '42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 25 75 20 0 1 0 12345 0 0';
    expect(usageOf(stat, 'RssAnon:\t     100 kB\nRssFile:\t 5000 kB\nRssShmem:\t      20 kB\n')).toEqual({
      cpuSeconds: 3,
      memoryBytes: 120 * 1024,
    });
  });

  it('counts nothing of a process that has ended', () => {
    expect(usageOf('', '')).toEqual({ cpuSeconds: 0, memoryBytes: 0 });
  });

  it('tells a container by its mount namespace', async () => {
    const busy = 'my $x = "a" x 20_000_000; 1 while times < 0.2; print "done\\n"; sleep 100';
    const argv = ['--user', '--map-root-user', '--mount', 'perl', '-e', `$| = 1; ${busy}`];
    const child = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      const { containers, node } = measure([{ id: 'busy', pid: child.pid! }]);
      const usage = containers.get('busy')!;
      expect(usage.cpuSeconds).toBeGreaterThanOrEqual(0.19);
      expect(usage.memoryBytes).toBeGreaterThan(20_000_000);
      expect(node.memoryBytes).toBeGreaterThan(usage.memoryBytes);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
