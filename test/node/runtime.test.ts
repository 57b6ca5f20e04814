// The process runtime with real containers, in namespaces of the test's own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';

describe('the process runtime', () => {
  let script: Script;
  beforeAll(async () => {
    script = await namespaceScript('test/node/runtime.script.ts');
  });
  afterAll(() => script.remove());

  it('starts, enters and ends containers, and knows how they ended', async () => {
    const seen = await script.run<Record<string, unknown>>({ scene: 'life' });
    expect(seen).toMatchObject({
      inside: { exitCode: 0, output: 'web\nblue\nnameserver 10.96.0.10\nsleep\nwritable\n' },
      capabilities: { exitCode: 255, output: expect.stringContaining('CapEff:\t00000000a80425fb') },
      missing: { exitCode: 126, output: 'exec: "nope": executable file not found in $PATH\n' },
      late: { exitCode: 124 },
      refused: 'StartError: exec: "nope": executable file not found in $PATH',
      exit: { exitCode: 3, signal: 0, running: false },
      stopped: { exitCode: 137, signal: 9 },
      graceful: { exitCode: 9, signal: 0 },
      left: [],
    });
    expect((seen.said as string).split('\n').sort()).toEqual([
      '',
      'stderr F err',
      'stdout F out',
      'stdout P unfinished',
    ]);
    expect(seen.startMs).toBeLessThan(1000);
    console.info({ startMs: seen.startMs });
  });

  it('runs echo, which answers HTTP, TCP and UDP', async () => {
    const seen = await script.run<Record<string, unknown>>({ scene: 'echo' });
    expect(seen).toMatchObject({
      json: { pod: 'web', podIP: '10.244.1.2', port: 9090, method: 'GET', path: '/' },
      health: '200',
      kept: '1 0 ',
      posted: 'method: POST\n',
      chunked: 'method: POST\n',
      tcp: 'PING\n',
      udp: 'ping',
      broken: 'HTTP/1.1 400 Bad Request\r\n',
      stopped: { exitCode: 0, signal: 0 },
      log: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F echo: listening on 8080, 9090\n$/),
    });
    expect(seen.text).toMatch(
      /^pod: web\n(?:.*\n)*client: 127\.0\.0\.1:\d+\nport: 8080\nmethod: GET\npath: \/a\?b=c\n/,
    );
    expect(seen.rss).toBeLessThan(15 * 1024);
    expect(seen.stopMs).toBeLessThan(2000);
    console.info({ upMs: seen.upMs, rssKiB: seen.rss, stopMs: seen.stopMs });
  });

  it('finds its containers again after it was killed, and none runs twice', async () => {
    const seen = await script.run<Record<string, unknown>>({ scene: 'adoption' });
    expect(seen).toMatchObject({
      found: expect.arrayContaining([
        { id: 'uid_lives_0', running: true },
        { id: 'uid_other_0', running: true },
        { id: 'uid_ends_0', running: false, exitCode: 4 },
      ]),
      twice: expect.stringContaining('File exists'),
      killed: 137,
      orphan: 137,
      processes: '',
    });
    expect(seen.noticedMs).toBeLessThan(1000);
    console.info({ noticedMs: seen.noticedMs });
  });

  it('writes logs as CRI has them, in parts where lines are long, and never too much', async () => {
    const seen = await script.run<Record<string, unknown>>({ scene: 'logs' });
    expect(seen).toMatchObject({
      isSame: true,
      lengths: ['stdout P 16384', 'stdout P 16384', 'stdout F 7232', 'stdout F end'],
      last: 'line 1999',
    });
    expect(seen.size).toBeLessThan(60_000);
  });

  it('loses lines when the disk is full, and says so, but no container and no exit code', async () => {
    const seen = await script.run<Record<string, unknown>>({ scene: 'fullDisk' });
    expect(seen).toEqual({
      refused: expect.stringContaining('No space left on device'),
      killed: 137,
      written: 'code 137',
      isRunning: true,
      exitCode: 5,
      torn: [],
      isWhole: true,
      lost: 40_000,
      after: 'after',
    });
  });
});
