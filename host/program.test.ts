import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { main, type Program, program } from './program.ts';

const said: string[] = [];
const hear = (words: string | Uint8Array): boolean => said.push(String(words)) > 0;

const echo = program({
  name: 'echo',
  summary: 'says its words',
  flags: { times: { type: z.coerce.number().default(1), help: 'how often (default 1)' } },
  async run({ times }, { positionals }) {
    hear(positionals.join(' ').repeat(times));
    return positionals.length > 1 ? 3 : undefined;
  },
}) as Program;

/** Its exit code, and all that was said. */
async function run(one: Program, ...argv: string[]): Promise<[number, string]> {
  said.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(hear);
  vi.spyOn(process.stderr, 'write').mockImplementation(hear);
  const code = await main(one, argv, '1.2.3');
  return [code, said.join('')];
}

describe('a program', () => {
  const heard = process.listeners('SIGTERM');
  const interrupted = process.listeners('SIGINT');

  afterEach(() => {
    vi.restoreAllMocks();
    // A program listens until its process ends; this one goes on.
    for (const one of process.listeners('SIGTERM')) if (!heard.includes(one)) process.off('SIGTERM', one);
    for (const one of process.listeners('SIGINT')) if (!interrupted.includes(one)) process.off('SIGINT', one);
  });

  it('gets its flags and its words, and its exit code counts', async () => {
    const wordy = { ...echo, usage: 'WORD…' };
    expect(await run(wordy, '--times=2', 'a')).toEqual([0, 'aa']);
    expect(await run(wordy, 'a', 'b')).toEqual([3, 'a b']);
  });

  it('refuses words that it has no use for, and flags that it does not know', async () => {
    expect(await run(echo, 'a')).toEqual([2, 'vitrine echo: unknown word: a; --help tells what may be said\n']);
    const unknown = 'vitrine echo: unknown flag: --loud; --help tells which there are\n';
    for (const word of ['--loud', '--loud=3']) expect(await run(echo, word)).toEqual([2, unknown]);
    for (const words of [['--times'], ['--times', '--help=1']])
      expect(await run(echo, ...words)).toEqual([2, 'vitrine echo: --times: wants a value\n']);
    expect(await run(echo, '--times=x')).toEqual([2, expect.stringContaining('vitrine echo: --times: ')]);
  });

  it('tells how it is used, also when the rest of the line is wrong', async () => {
    const [code, text] = await run(echo, '--loud', '--help');
    expect([code, text]).toEqual([0, expect.stringContaining('Usage: vitrine echo [flags]\n\n  --times  how often')]);
    expect(await run(echo, '--version')).toEqual([0, 'vitrine 1.2.3\n']);
  });
});
