import { describe, expect, it } from 'vitest';
import { costOf, parseCost } from './costs.ts';

describe('what a process costs', () => {
  it('is read from /proc, whatever the process calls itself', () => {
    const stat = '7 (a) b (c) S 1 7 7 0 -1 4194304 900 0 0 0 12 3 40 5 20 0 11 0 8888 1000 250 184467';
    const status = 'Name:\ta) b (c\nNSpid:\t4711\t7\t1\n';
    const maps = '55cf0000-7ffe0000 ---p 00000000 00:00 0 [rollup]\nRss:            4096 kB\nPss:            2048 kB\n';
    expect(parseCost(stat, status, maps)).toEqual({ pids: [4711, 7, 1], cpuMs: 600, memory: 2 * 1024 * 1024 });
  });

  it('is true of ourselves, and nothing for one that is gone', async () => {
    const own = (await costOf(process.pid))!;
    expect(own.command).toContain('node');
    expect(own.pids[0]).toBe(process.pid);
    expect(own.memory / process.memoryUsage.rss()).toBeGreaterThan(0.2);
    expect(own.memory / process.memoryUsage.rss()).toBeLessThan(1.1);
    expect(own.cpuMs).toBeGreaterThan(0);
    expect(await costOf(2 ** 22 + 1)).toBeUndefined(); // beyond the greatest pid there may be
  });
});
