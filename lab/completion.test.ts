import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { UsageError } from '../host/lifecycle.ts';
import { silentLogger } from '../host/log.ts';
import { program } from '../host/program.ts';
import { completionOf } from './completion.ts';

const flag = (help: string) => ({ type: z.string().optional(), help });
const command = (name: string, flags: Record<string, ReturnType<typeof flag>>, usage?: string) => ({
  name,
  summary: `does what ${name}'s name says`,
  load: async () => program({ name, summary: '', flags, usage, run: async () => 0 }) as never,
});
const rows = [
  command('lab up', { nodes: flag("how many; don't ask"), dir: flag('where') }),
  command('lab down', { dir: flag('where') }),
  command('exec', { dir: flag('where') }),
  command('exec again', {}, 'NAME'),
  command('image', {}, '<node-1|internet|pod/NAME> | load NAME FILE | list'),
  { ...command('lab supervise', {}), summary: undefined },
];

async function script(shell: string): Promise<string> {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const context = { positionals: [shell], signal: new AbortController().signal, log: silentLogger, version: '0' };
    await completionOf(rows).run({}, context);
    return written.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    written.mockRestore();
  }
}

/** What bash would offer for the last of these words. */
async function offered(...words: string[]): Promise<string[]> {
  const ask = `COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _vitrine; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', `${await script('bash')}\n${ask}`, 'bash', ...words], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('completion', () => {
  it('knows in bash what may come next', async () => {
    expect(await offered('vitrine', '')).toEqual(['lab', 'exec', 'image']);
    expect(await offered('vitrine', 'lab', '')).toEqual(['up', 'down']);
    expect(await offered('vitrine', 'lab', 'u')).toEqual(['up']);
    expect(await offered('vitrine', 'lab', 'up', '--')).toEqual(['--nodes', '--dir']);
    expect(await offered('vitrine', 'lab', 'up', '--nodes=2', '--d')).toEqual(['--dir']);
    expect(await offered('vitrine', 'exec', '--dir')).toEqual(['--dir']);
    expect(await offered('vitrine', 'exec', '')).toEqual(['again', '--dir']);
    expect(await offered('vitrine', 'image', '')).toEqual(['internet', 'load', 'list']);
    expect(await offered('vitrine', 'exec', 'node-1', '--', 'c')).toEqual([]); // a command follows: bash's own business
  });

  it.each(['bash', 'zsh', 'fish'])('is a script that %s can read', async (shell) => {
    const text = await script(shell);
    expect(text).not.toContain('supervise');
    const { error, status, stderr } = spawnSync(shell, ['-n'], { input: text, encoding: 'utf8' });
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      // A machine without that shell: quotes at least must be paired.
      expect(text.replaceAll("'\\''", '').replaceAll("\\'", '').match(/'/g)!.length % 2).toBe(0);
      return;
    }
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('says which shells there are', async () => {
    await expect(script('tcsh')).rejects.toThrow(UsageError);
    await expect(script('tcsh')).rejects.toThrow('name one shell: bash, zsh, fish');
  });
});
