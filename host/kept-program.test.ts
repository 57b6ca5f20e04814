// Programs that are kept running: one text after the other, and what happens when they die, hang or were never there.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ExecError } from './exec.ts';
import { type Dialogue, KeptProgram, NotKeptError } from './kept-program.ts';

const PATIENCE = 5000;

function dialogue(...argv: string[]): Dialogue {
  return {
    argv,
    ask: (text, turn) => `${text}\nend ${turn}\n`,
    answer: ({ stdout }, turn) => (stdout.endsWith(`end ${turn}\n`) ? stdout.split('\n')[0] : undefined),
  };
}

describe('a program that is kept running', () => {
  it('answers each text in its turn', async () => {
    const cat = new KeptProgram(dialogue('cat'));
    const answers = await Promise.all(['one', 'two', 'three'].map((text) => cat.run(text, PATIENCE)));
    expect(answers).toEqual(['one', 'two', 'three']);
    await cat.close();
    expect(await cat.run('after it was closed', PATIENCE)).toBe('after it was closed');
    await cat.close();
  });

  it('is the same one from text to text, until it dies, and then another', async () => {
    const script = `while read -r line; do case "$line" in who) echo $$;; die) echo dying >&2; exit 3;; end*) echo "$line";; esac; done`;
    const shell = new KeptProgram(dialogue('sh', '-c', script));
    const pid = await shell.run('who', PATIENCE);
    expect(await shell.run('who', PATIENCE)).toBe(pid);
    const death = shell.run('die', PATIENCE);
    const next = shell.run('who', PATIENCE);
    await expect(death).rejects.toMatchObject({ exitCode: 3, stderr: 'dying\n' });
    expect(await next).not.toBe(pid);
    await shell.close();
  });

  it('has ended when it is closed', async () => {
    const script = 'while read -r line; do case "$line" in end*) echo "$line";; *) echo $$;; esac; done; sleep 0.1';
    const shell = new KeptProgram(dialogue('sh', '-c', script));
    const pid = await shell.run('who', PATIENCE);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await shell.close();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('is killed when it hangs, and starts anew', async () => {
    const script =
      'while read -r line; do case "$line" in hang) kill -STOP $$;; end*) echo "$line";; *) echo $$;; esac; done';
    const shell = new KeptProgram(dialogue('sh', '-c', script));
    const pid = Number(await shell.run('who', PATIENCE));
    await expect(shell.run('hang', 50)).rejects.toBeInstanceOf(ExecError);
    expect(Number(await shell.run('who', PATIENCE))).not.toBe(pid);
    await shell.close();
  });

  it.each([
    ['is missing', dialogue('no-such-program')],
    ['ends at once', dialogue('true')],
  ])('says that it cannot be kept when it %s', async (_, how) => {
    const program = new KeptProgram(how);
    await expect(program.run('one', PATIENCE)).rejects.toBeInstanceOf(NotKeptError);
    await expect(program.run('two', PATIENCE)).rejects.toBeInstanceOf(NotKeptError);
  });
});
