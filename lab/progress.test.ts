import { describe, expect, it } from 'vitest';
import type { Clock } from '../host/clock.ts';
import { Progress, type Screen } from './progress.ts';

/** What a person would see: a carriage return and `ESC [ K` take the line back. */
function screen(options: { isTTY: boolean; columns?: number }): Screen & { seen(): string; written: string[] } {
  const written: string[] = [];
  const seen = (): string => written.join('').replace(/[^\n]*\r\x1b\[K/g, '');
  return { ...options, written, seen, write: (text) => written.push(text) };
}

/** Every wait is over when the test says so. */
function steppedClock(): Clock & { step(ms: number): Promise<void> } {
  let now = 0;
  let wake = (): void => {};
  return {
    now: () => now,
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        wake = resolve;
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    async step(ms) {
      now += ms;
      wake();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
  };
}

describe('progress', () => {
  it('is plain lines with their times where nobody looks', async () => {
    const pipe = screen({ isTTY: false });
    const clock = steppedClock();
    const progress = new Progress({ startedAt: 0, steps: ['network', 'API server'], screen: pipe, clock });
    await progress.run(new AbortController().signal);
    await clock.step(640);
    progress.done('network', 'network: one node');
    progress.say('by the way');
    await clock.step(1000);
    progress.done('API server', 'API server: here');
    expect(pipe.written).toEqual(['  0.64 s  network: one node\n', 'by the way\n', '  1.64 s  API server: here\n']);
  });

  it('shows on a terminal what is waited for, in one line that leaves no trace', async () => {
    const terminal = screen({ isTTY: true, columns: 40 });
    const clock = steppedClock();
    const progress = new Progress({ startedAt: 0, steps: ['network', 'API server'], screen: terminal, clock });
    const running = progress.run(new AbortController().signal);
    expect(terminal.seen()).toBe('  0.00 s  waiting for network, API serv');
    await clock.step(500);
    expect(terminal.seen()).toBe('  0.50 s  waiting for network, API serv');
    progress.done('network', 'network: one node');
    await clock.step(100);
    expect(terminal.seen()).toBe('  0.50 s  network: one node\n  0.60 s  waiting for API server');
    progress.done('API server', 'API server: here');
    await clock.step(100);
    await running;
    expect(terminal.seen()).toBe('  0.50 s  network: one node\n  0.60 s  API server: here\n');
  });

  it('ends when it is told to', async () => {
    const terminal = screen({ isTTY: true });
    const stop = new AbortController();
    const progress = new Progress({ startedAt: 0, steps: ['for ever'], screen: terminal, clock: steppedClock() });
    const running = progress.run(stop.signal);
    stop.abort();
    await running;
    expect(terminal.seen()).toBe('');
  });
});
