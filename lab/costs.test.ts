import { describe, expect, it } from 'vitest';
import { costOf, parseCost } from './costs.ts';

describe('what a process costs', () => {
  it('is read from /proc, whatever the process calls itself', () => {
    const stat = '7 (a) b (c) S 1 7 7 0 -1 4194304 900 0 0 0 12 3 40 5 20 0 11 0 8888 1000 250 184467';
    const status = 'Name:\ta) b (c\nVmRSS:\t    2048 kB\nNSpid:\t4711\t7\t1\n';
    expect(parseCost(stat, status)).toEqual({ pids: [4711, 7, 1], cpuMs: 600, rss: 2 * 1024 * 1024 });
  });

  it('is true of ourselves, and nothing for one that is gone', async () => {
    const own = (await costOf(process.pid))!;
    expect(own.command).toContain('node');
    expect(own.pids[0]).toBe(process.pid);
    expect(Math.abs(own.rss / process.memoryUsage.rss() - 1)).toBeLessThan(0.5);
    expect(own.cpuMs).toBeGreaterThan(0);
    expect(await costOf(2 ** 22 + 1)).toBeUndefined(); // beyond the greatest pid there may be
  });
});
